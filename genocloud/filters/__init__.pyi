from . import vets as vets
