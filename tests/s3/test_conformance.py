"""conformance.py's own rules: what it reads, what it takes for a defect, what it keeps."""
import conformance

LIST = """# a remark
pass a::one
fail a::two # S3 does so too
fail a::three
skip a::four # needs a thing
"""


def read(monkeypatch, tmp_path):
    monkeypatch.setattr(conformance, "KEPT", tmp_path / "kept.txt")
    conformance.KEPT.write_text(LIST)
    return conformance.read_kept()


def test_reads_and_writes_the_list(monkeypatch, tmp_path):
    kept = read(monkeypatch, tmp_path)
    assert kept["a::two"] == ("fail", "# S3 does so too")
    assert kept["a::four"][0] == "skip"
    conformance.write_kept(kept, {"a::one": "fail", "a::two": "pass", "a::five": "pass"})
    assert conformance.KEPT.read_text().splitlines() == [
        "# a remark", "pass a::five", "skip a::four # needs a thing", "fail a::one",
        "fail a::three", "pass a::two"]


def test_a_test_that_stops_passing_is_a_defect(monkeypatch, tmp_path, capsys):
    kept = read(monkeypatch, tmp_path)
    assert conformance.compare(kept, {"a::one": "pass", "a::two": "fail"}) == 0
    assert conformance.compare(kept, {"a::two": "pass"}) == 0
    assert "passes now: a::two" in capsys.readouterr().out
    assert conformance.compare(kept, {"a::one": "fail"}) == 1
    assert "stopped passing: a::one" in capsys.readouterr().out


def test_a_failure_needs_a_reason(monkeypatch, tmp_path):
    kept = read(monkeypatch, tmp_path)
    assert conformance.compare(kept, {"a::three": "fail"}) == 1
    assert conformance.compare(kept, {"a::unknown": "fail"}) == 1


def test_reads_reports(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text('<testsuites><testsuite><testcase classname="x.a" name="one"/>'
                      '<testcase classname="x.a" name="two"><failure/></testcase>'
                      '<testcase classname="x.a" name="two"/>'
                      '<testcase classname="x.a" name="three"><skipped/></testcase>'
                      '<testcase classname="x.a" name="four"><error/></testcase>'
                      "</testsuite></testsuites>")
    assert conformance.read_report(report) == {"a::one": "pass", "a::two": "fail",
                                               "a::three": "skip", "a::four": "fail"}
