#!/usr/bin/env python3
"""Runs a checkout of ceph/s3-tests against a hink of its own and compares with the kept results.

    conformance.py --s3tests DIR --hink build/hink [--update] [-- pytest words]

tests/s3/s3tests.txt has a line per test: `pass NAME`, `fail NAME # why we differ` or
`skip NAME # what it needs`. A test marked `pass` that does not pass ends the run with 1.
`--update` rewrites the words pass and fail, and keeps the reasons.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

from hinkserver import Zone

HERE = pathlib.Path(__file__).resolve().parent
KEPT = HERE / "s3tests.txt"
SUITES = ["s3tests/functional/test_s3.py", "s3tests/functional/test_headers.py"]
USERS = [("s3 main", "testid", "M. Tester", "main"), ("s3 alt", "altid", "john.doe", "alt"),
         ("s3 tenant", "tenantid", "tenanted user", "tenant"), ("iam", "iamid", "iam", "iam"),
         ("iam root", "iamrootid", "iam root", "iamroot"),
         ("iam alt root", "iamaltrootid", "iam alt root", "iamaltroot")]


def credentials(word):
    return f"S3TESTS{word.upper():0<13}"[:20], (word + "-secret-") * 4


def make_users(hink, config):
    for _, user, display, word in USERS:
        access, secret = credentials(word)
        base = [hink, "--config", config]
        for words in (["project", "create", "--id", user, user],
                      ["user", "create", "--id", user, display],
                      ["key", "create", "--user", user, "--project", user,
                       "--access-key", access, "--secret-key", secret]):
            command = [hink, *words, "--config", config]
            done = subprocess.run([str(w) for w in command], capture_output=True, text=True)
            if done.returncode != 0:
                sys.exit(f"{command}: {done.stdout}{done.stderr}")


def write_config(path, zone):
    host, _, port = zone.endpoint.removeprefix("http://").partition(":")
    text = (f"[DEFAULT]\nhost = {host}\nport = {port}\nis_secure = False\n"
            "ssl_verify = False\n[fixtures]\nbucket prefix = hink-{random}-\n")
    for section, user, display, word in USERS:
        access, secret = credentials(word)
        text += (f"[{section}]\ndisplay_name = {display}\nuser_id = {user}\n"
                 f"email = {word}@example.com\napi_name = europe-se-1\n"
                 f"access_key = {access}\nsecret_key = {secret}\ntenant = tenantid\n")
    path.write_text(text)


def run_suites(args, folder, config):
    report = folder / "report.xml"
    env = dict(os.environ, S3TEST_CONF=str(config), PYTHONPATH=str(args.s3tests))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short",
               f"--junitxml={report}", *(args.words or SUITES)]
    with open(args.log, "w") as log:
        subprocess.run(command, cwd=args.s3tests, env=env, stdout=log, stderr=log)
    return read_report(report)


def read_report(report):
    results = {}
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        name = case.get("classname").split(".")[-1] + "::" + case.get("name")
        kinds = {child.tag for child in case}
        outcome = "pass"
        if kinds & {"failure", "error"}:
            outcome = "fail"
        elif "skipped" in kinds:
            outcome = "skip"
        results[name] = outcome
    return results


def read_kept():
    kept = {}
    for line in KEPT.read_text().splitlines() if KEPT.exists() else []:
        match = re.match(r"(pass|fail|skip)\s+(\S+)\s*(#.*)?$", line)
        if match:
            kept[match.group(2)] = (match.group(1), match.group(3) or "")
    return kept


def write_kept(kept, results):
    merged = {name: (outcome, kept.get(name, ("", ""))[1]) for name, outcome in results.items()}
    merged.update({name: row for name, row in kept.items() if name not in results})
    head = [line for line in KEPT.read_text().splitlines() if line.startswith("#")] \
        if KEPT.exists() else []
    rows = [f"{outcome} {name} {reason if outcome != 'pass' else ''}".rstrip()
            for name, (outcome, reason) in sorted(merged.items())]
    KEPT.write_text("\n".join(head + rows) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--s3tests", type=pathlib.Path, required=True)
    parser.add_argument("--hink", type=pathlib.Path, required=True)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--log", default="/dev/null", help="where pytest's output goes")
    parser.add_argument("words", nargs="*", help="what pytest is to run instead of both suites")
    args = parser.parse_args()
    args.s3tests = args.s3tests.resolve()
    if not (args.s3tests / SUITES[0]).exists():
        sys.exit(f"conformance: {args.s3tests} is no checkout of ceph/s3-tests (S3TESTS=DIR)")
    os.environ["HINK"] = str(args.hink.resolve())
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        zone = Zone(folder / "zone")
        try:
            make_users(args.hink.resolve(), zone.config)
            write_config(folder / "s3tests.conf", zone)
            results = run_suites(args, folder, folder / "s3tests.conf")
        finally:
            zone.stop()
    kept = read_kept()
    lost = sorted(name for name, outcome in results.items()
                  if outcome == "fail" and kept.get(name, ("",))[0] == "pass")
    gained = sorted(name for name, outcome in results.items()
                    if outcome == "pass" and kept.get(name, ("",))[0] != "pass")
    for name in lost:
        print("stopped passing:", name)
    for name in gained:
        print("passes now:", name)
    if args.update:
        write_kept(kept, results)
    counts = {word: sum(outcome == word for outcome in results.values())
              for word in ("pass", "fail", "skip")}
    print(f"s3-tests: {counts['pass']} passed, {counts['fail']} failed, {counts['skip']} skipped; "
          f"{len(lost)} stopped passing")
    return 1 if lost or not results else 0


if __name__ == "__main__":
    sys.exit(main())
