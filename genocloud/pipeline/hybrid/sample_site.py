"""The site of a sample by its sheet's column `site`: the coordinator where it is empty."""

from genocloud.errors import did_you_mean
from genocloud.federation import Config
from genocloud.samples import BadRow, Sample


def site_of(sample: Sample, config: Config) -> str:
    """The name of the sample's site. Raises BadRow for one that the config does not have."""
    known = [site.name for site in config.sites]
    site = sample.site or config.coordinator
    if site not in known:
        problem = f"sample {sample.sample} lies at the site {site!r}, which the config does not have"
        remedy = f"its sites are {', '.join(known)}{did_you_mean(site, known)}"
        raise BadRow(config.samples, sample.line, sample.sample, problem, remedy)
    return site
