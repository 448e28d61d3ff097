"""What cfn-lint and cloudformation-validate say of every template in a directory, as JSON on standard output."""

import functools
import json
import multiprocessing
import pathlib
import sys

import cfnlint.api
import cloudformation_validate


def by_cfn_lint(text):
    config = cfnlint.api.ManualArgs(regions=["us-east-1"])
    found = cfnlint.api.lint(text, config=config)
    return [f"{one.rule.id} {one.message}" for one in found if one.rule.id.startswith("E")]


@functools.cache
def engine():
    return cloudformation_validate.RegoEngine()


def by_cloudformation_validate(path):
    try:
        report = engine().validate_template(str(path))
    except cloudformation_validate.ValidationError:
        # Its own rules fail on some faulty templates: then it has no verdict.
        return []
    errors = [one for one in report.diagnostics if one.severity.name.upper() in ("ERROR", "FATAL")]
    return [f"{one.rule_id} {one.message}" for one in errors]


def judged(path):
    return path.name, {
        "cfn-lint": by_cfn_lint(path.read_text()),
        "cloudformation-validate": by_cloudformation_validate(path),
    }


def main():
    with multiprocessing.Pool() as pool:
        said = dict(pool.map(judged, sorted(pathlib.Path(sys.argv[1]).iterdir()), chunksize=8))
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main()
