# The profile against its schema, before any job: Snakemake passes over rules and resources that it does not know.

import yaml

PROFILE_OPTIONS = ("--profile", "--workflow-profile")


class BadProfile(BadConfig):
    """The profile holds a key or a value that it may not hold."""

    file = "profile"


def check_profiles():
    """Hold the profiles that this run was given to their schema. Raises BadProfile."""
    for option, name in named_profiles():
        for file in profile_files(option, name):
            hold_to_schema(yaml.safe_load(file.read_text()) or {}, "../schemas/profile.schema.yaml", BadProfile)


def named_profiles():
    """(option, name) of each profile by the command line and the environment; `none` says that there is none."""
    words = [part for word in sys.argv for part in word.split("=", 1)]
    named = [(option, name) for option, name in zip(words, words[1:]) if option in PROFILE_OPTIONS and name != "none"]
    return [*named, *(("--profile", name) for name in filter(None, [os.environ.get("SNAKEMAKE_PROFILE")]))]


def profile_files(option, name):
    """A profile's files. Raises BadProfile for a workflow profile that is nowhere: Snakemake would run without it.

    Snakemake itself refuses a --profile that it does not find, before this file is read.
    """
    shipped = Path(workflow.main_snakefile).parent / "profiles"
    places = [Path(name)] if option == "--profile" else [Path(name), "profiles" / Path(name), shipped / name]
    place = next((each for each in places if each.exists()), None)
    if place is None and option == "--workflow-profile":
        known = [file.parent.name for folder in (Path(name).parent, shipped) for file in folder.glob("*/config*.yaml")]
        remedy = f"name a folder with a config.yaml{did_you_mean(Path(name).name, known)}"
        raise BadProfile(option, f"there is no profile {name}", remedy)
    return [] if place is None else [place] if place.is_file() else sorted(place.glob("config*.yaml"))
