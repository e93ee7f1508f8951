#!/usr/bin/env python3
"""Runs a checkout of ceph/s3-tests against hinks of its own and compares with the kept results.

    conformance.py --s3tests DIR --hink build/hink [--update] [--jobs N] [--keep DIR] [-- words]

tests/s3/s3tests.txt has a line per test: `pass NAME`, `fail NAME # why we differ` or
`skip NAME # what it needs`; a NAME is test_s3::test_bucket_list_empty. Tests that are to be skipped
are not started. A test marked `pass` that does not pass ends the run with 1, and so does one that
is not in the list, or fails there without a reason.
`--update` rewrites the words pass and fail, and keeps the reasons. To have a skipped test started
again, remove its line. The words are for pytest, instead of both suites; then only what has been
run is judged.

The suite is older than the ownership that new buckets have by default, so its servers have
object_ownership = writer. It is cut into N parts, each with a server and users of its own, because
some tests count the buckets of a user. `--keep DIR` keeps pytest's and the servers' logs.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
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
        for words in (["project", "create", "--id", user, display],
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


class Part(threading.Thread):
    """One part of the suite, with its server; `results` when it has ended well."""

    def __init__(self, args, folder, index):
        super().__init__()
        self.args = args
        self.folder = folder / f"part{index}"
        self.index = index
        self.results = {}
        self.complaint = None

    def run(self):
        try:
            zone = Zone(self.folder, server="object_ownership = writer\n")
            try:
                make_users(self.args.hink, zone.config)
                write_config(self.folder / "s3tests.conf", zone)
                self.run_pytest()
            finally:
                zone.stop()
        except Exception as problem:  # told by main, which then ends with 1
            self.complaint = problem

    def run_pytest(self):
        report = self.folder / "report.xml"
        env = dict(os.environ, S3TEST_CONF=str(self.folder / "s3tests.conf"),
                   PYTHONPATH=f"{self.args.s3tests}:{HERE}",
                   HINK_SKIP=str(self.folder.parent / "skip"),
                   HINK_SHARD=f"{self.index}/{self.args.jobs}",
                   HINK_TEST_SECONDS=str(self.args.test_seconds))
        command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider",
                   "-p", "s3tests_plugin", "--tb=short", f"--junitxml={report}",
                   *(self.args.words or SUITES)]
        with open(self.folder / "pytest.log", "w") as log:
            subprocess.run(command, cwd=self.args.s3tests, env=env, stdout=log, stderr=log)
        self.results = read_report(report)


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
        if results.get(name) != "fail":
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
    merged = dict(kept)
    for name, outcome in results.items():
        merged[name] = (outcome, kept.get(name, ("", ""))[1])
    head = [line for line in KEPT.read_text().splitlines() if line.startswith("#")] \
        if KEPT.exists() else []
    rows = [f"{outcome} {name} {reason if outcome != 'pass' else ''}".rstrip()
            for name, (outcome, reason) in sorted(merged.items())]
    KEPT.write_text("\n".join(head + rows) + "\n")


def run_parts(args, kept):
    results = {}
    folder = pathlib.Path(args.keep or tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    skipped = [name for name, (outcome, _) in kept.items() if outcome == "skip"]
    (folder / "skip").write_text("\n".join(skipped))
    parts = [Part(args, folder, index) for index in range(args.jobs)]
    for part in parts:
        part.start()
    for part in parts:
        part.join()
        if part.complaint:
            sys.exit(f"conformance: part {part.index}: {part.complaint}")
        results.update(part.results)
        shutil.rmtree(part.folder / "data", ignore_errors=True)
    if not args.keep:
        shutil.rmtree(folder)
    return results


def compare(kept, results):
    """Prints what differs from the kept results; how many differences are defects."""
    def was(name):
        return kept.get(name, ("",))[0]

    defects = 0
    for name, outcome in sorted(results.items()):
        if outcome == "fail" and was(name) == "pass":
            print("stopped passing:", name)
            defects += 1
        elif outcome == "fail" and not kept.get(name, ("", ""))[1]:
            print("fails without a reason in s3tests.txt:", name)
            defects += 1
        elif outcome == "pass" and was(name) != "pass":
            print("passes now:", name)
    return defects


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--s3tests", type=pathlib.Path, required=True)
    parser.add_argument("--hink", type=pathlib.Path, required=True)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--jobs", type=int, default=2, help="parts that run at the same time")
    parser.add_argument("--test-seconds", type=int, default=120)
    parser.add_argument("--keep", help="a folder for the logs")
    parser.add_argument("words", nargs="*", help="what pytest is to run instead of both suites")
    args = parser.parse_args()
    args.s3tests = args.s3tests.resolve()
    args.hink = args.hink.resolve()
    if not (args.s3tests / SUITES[0]).exists():
        sys.exit(f"conformance: {args.s3tests} is no checkout of ceph/s3-tests (S3TESTS=DIR)")
    os.environ["HINK"] = str(args.hink)
    kept = read_kept()
    results = run_parts(args, kept)
    defects = compare(kept, results)
    if args.update:
        write_kept(kept, results)
    counts = {word: sum(outcome == word for outcome in results.values())
              for word in ("pass", "fail", "skip")}
    counts["skip"] += sum(outcome == "skip" and name not in results
                          for name, (outcome, _) in kept.items())
    print(f"s3-tests: {counts['pass']} passed, {counts['fail']} failed, {counts['skip']} skipped; "
          f"{defects} not as kept")
    return 1 if defects or not results else 0


if __name__ == "__main__":
    sys.exit(main())
