"""Has parliament judge every policy in a directory; what it objects to is printed, and the exit status is 1."""

import json
import pathlib
import sys

from parliament import analyze_policy_string

# What parliament says and we do otherwise: the issue, a part of its detail, and why.
EXCEPTIONS = [
    ("RESOURCE_STAR", "", "our own rules decide it, action by action"),
    ("RESOURCE_POLICY_PRIVILEGE_ESCALATION", "", "no policy of ours lets a role change its own rights"),
    ("UNKNOWN_CONDITION_FOR_ACTION", "lambda:SourceFunctionArn", "Lambda sets it on its functions' calls of any service"),
    ("UNKNOWN_CONDITION_FOR_ACTION", "bedrock:GuardrailIdentifier", "newer than parliament's definitions"),
    ("UNKNOWN_CONDITION_FOR_ACTION", "s3:TlsVersion for action s3:", "a denial of s3:* holds where the condition applies"),
    ("UNKNOWN_CONDITION_FOR_ACTION", "token.actions.githubusercontent.com:", "claims of the identity provider"),
    ("UNKNOWN_FEDERATION_SOURCE", "oidc-provider/", "an identity provider of the account's own"),
    ("MISMATCHED_TYPE", "s3:TlsVersion", "a version is a decimal number, which parliament takes for text"),
    ("MISMATCHED_TYPE", "ArnLike requires a value of type Arn but given String", "contexts of KMS hold ARNs as text"),
]


def excused(finding) -> bool:
    detail = str(finding.detail)
    return any(finding.issue == issue and part in detail for issue, part, _ in EXCEPTIONS)


def main() -> int:
    files = sorted(pathlib.Path(sys.argv[1]).glob("*.json"))
    problems = 0
    for path in files:
        policy = json.loads(path.read_text(encoding="utf-8"))
        for statement in policy["Statement"]:
            # The policy of a role's trust has no resource: it is of that role.
            statement.setdefault("Resource", "*")
        for finding in analyze_policy_string(json.dumps(policy), filepath=path.name).findings:
            if not excused(finding):
                problems += 1
                print(f"{path.stem}: {finding.issue}: {finding.detail} {finding.location}")
    print(f"{len(files)} policies judged, {problems} problems")
    return 1 if problems or not files else 0


if __name__ == "__main__":
    sys.exit(main())
