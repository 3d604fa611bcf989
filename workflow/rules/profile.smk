# The profile against its schema, before any job: Snakemake passes over rules and resources that it does not know.

import yaml

PROFILE_OPTIONS = ("--profile", "--workflow-profile")


class BadProfile(BadConfig):
    """The profile holds a key or a value that it may not hold."""

    file = "profile"


def check_profiles():
    """Hold the profiles that this run was given to their schema. Raises BadProfile."""
    for folder in named_profiles():
        for file in Path(folder).glob("config*.yaml"):
            hold_to_schema(yaml.safe_load(file.read_text()) or {}, "../schemas/profile.schema.yaml", BadProfile)


def named_profiles():
    """Folders of profiles by the command line and the environment; `none` is the way to say that there is none."""
    words = [part for word in sys.argv for part in word.split("=", 1)]
    named = [value for option, value in zip(words, words[1:]) if option in PROFILE_OPTIONS]
    return [*named, *filter(None, [os.environ.get("SNAKEMAKE_PROFILE")])]
