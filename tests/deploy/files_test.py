"""Dockerfile, compose file, dashboard and alerts: each names programs, files and metrics that exist."""
import json
import pathlib
import re
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
SERVICES = (ROOT / "docs" / "services.md").read_text()
PROGRAMS = {name for file in ROOT.glob("*/CMakeLists.txt")
            for name in re.findall(r"add_executable\((vecferry[\w-]*)", file.read_text())}
# Name -> labels, of the tables of docs/services.md; histograms are said to be such.
METRICS = {name: set(labels.split(",")) if labels else set()
           for name, labels in re.findall(r"^\| `(vecferry_\w+)(?:\{([\w,]+)\})?` \|", SERVICES, re.M)}
HISTOGRAMS = set(re.findall(r"^\| `(vecferry_\w+)` \| a histogram", SERVICES, re.M))


class Files(unittest.TestCase):
    def check_query(self, query):
        """Its metrics are in docs/services.md, with the labels that it asks for; counters are asked for their rate."""
        names = re.findall(r"\bvecferry_\w+", query)
        self.assertTrue(names, query)
        labels = set()
        for name in names:
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            self.assertIn(base, METRICS, query)
            self.assertEqual(base in HISTOGRAMS, base != name, query)
            labels |= METRICS[base]
        asked = {label for group in re.findall(r"\bby \(([^)]*)\)", query) for label in re.split(r", *", group)}
        asked |= set(re.findall(r"[{,](\w+)[=!]", query))
        asked -= {"namespace", "le"}
        self.assertLessEqual(asked, labels, query)
        for function in ("rate", "increase"):
            for name in re.findall(rf"\b{function}\((\w+)", query):
                self.assertRegex(name, r"_(total|bucket)$", query)
        self.assertEqual(query.count("("), query.count(")"), query)

    def test_tables_of_metrics_are_read(self):
        self.assertGreaterEqual(len(METRICS), 20)
        self.assertEqual(HISTOGRAMS, {"vecferry_writer_copy_seconds", "vecferry_writer_commit_seconds",
                                      "vecferry_verifier_seconds"})

    def test_dashboard(self):
        dashboard = json.loads((DEPLOY / "grafana" / "vecferry.json").read_text())
        panels = dashboard["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        shown = set()
        for panel in panels:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
            self.assertEqual(len({target["refId"] for target in panel["targets"]}), len(panel["targets"]), panel["title"])
            for target in panel["targets"]:
                with self.subTest(panel=panel["title"], query=target["expr"]):
                    self.check_query(target["expr"])
                    self.assertIn('{namespace=~"$namespace"}', target["expr"])
                    shown |= set(re.findall(r"\bvecferry_\w+?(?=_bucket|\b)", target["expr"]))
        self.assertEqual(METRICS.keys() - shown, set(), "the dashboard does not show these")
        variables = [variable["name"] for variable in dashboard["templating"]["list"]]
        text = json.dumps(panels)
        self.assertEqual({name for name in re.findall(r"\$\{?(\w+)", text) if not name.startswith("__")}, set(variables))

    def test_alerts(self):
        groups = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        self.assertEqual(len({rule["alert"] for rule in rules}), len(rules))
        for rule in rules:
            with self.subTest(alert=rule["alert"]):
                self.check_query(rule["expr"])
                self.assertEqual(rule.keys(), {"alert", "expr", "for", "labels", "annotations"})
                self.assertRegex(rule["for"], r"^\d+m$")
                self.assertIn(rule["labels"]["severity"], ("warning", "critical"))
                self.assertEqual(rule["annotations"].keys(), {"summary", "description"})
                for command in re.findall(r"vecferry (\w+ \w+)", rule["annotations"]["description"]):
                    self.assertIn(command, ("migrate list", "migrate status", "rejects list", "rejects replay"))

    def test_dockerfile(self):
        text = (DEPLOY / "docker" / "Dockerfile").read_text().replace("\\\n", " ")
        lines = [line.split(None, 1) for line in text.splitlines() if line and line[0] not in "# "]
        built = re.search(r"--target +([\w -]+?) +&&", text)[1].split()
        self.assertEqual(set(built), PROGRAMS)
        self.assertIn(json.loads(dict(lines)["ENTRYPOINT"])[0], PROGRAMS)
        self.assertRegex(dict(lines)["USER"], r"^[1-9]\d*:[1-9]\d*$")
        for source in re.findall(r"^COPY (\S+) ", text, re.M) + re.findall(r"\b(?:tools|deploy)/\w+", text):
            self.assertTrue(source.startswith("--from") or (ROOT / source).exists(), source)
        stages = [words.split() for keyword, words in lines if keyword == "FROM"]
        self.assertEqual((stages[0][0], stages[-1]), ("debian:12", ["scratch"]))

    def test_compose(self):
        compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
        services = compose["services"]
        own = {name: service for name, service in services.items() if service["image"] == "vecferry"}
        self.assertEqual({service["entrypoint"][0] for service in own.values()}, PROGRAMS)
        for name, service in own.items():
            with self.subTest(service=name):
                self.assertEqual((service["read_only"], service["cap_drop"]), (True, ["ALL"]))
                context = (DEPLOY / service["build"]["context"]).resolve()
                self.assertTrue((context / service["build"]["dockerfile"]).is_file())
                for word in service["command"]:
                    if word.startswith(("--coordinator=", "--advertise=")):
                        self.assertIn(word.split("=")[1].split(":")[0], services)
                folders = [word.split("=")[1] for word in service["command"] if word.startswith("--scratch-dir=")]
                self.assertEqual(folders, [place.split(":")[0] for place in service.get("tmpfs", [])])
                self.assertLessEqual(set(service["depends_on"]), services.keys())
        self.assertTrue(own["migrate"]["profiles"])
        hosts = [port.split(":")[0] for service in services.values() for port in service.get("ports", [])]
        self.assertEqual(set(hosts), {"127.0.0.1"})

    def test_chart_runs_programs_that_exist(self):
        templates = "".join(file.read_text() for file in (DEPLOY / "helm" / "vecferry" / "templates").glob("*.tpl"))
        commands = re.findall(r"command: \[(.*)\]", templates)
        self.assertEqual(sorted(commands), ["vecferry", "vecferry-{{ $role }}"])
        roles = ("coordinator", "reader", "writer", "verifier")
        self.assertLessEqual({"vecferry", *(f"vecferry-{role}" for role in roles)}, PROGRAMS)


if __name__ == "__main__":
    unittest.main()
