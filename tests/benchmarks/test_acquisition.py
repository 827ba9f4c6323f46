"""The benchmark of acquisition, small."""

import json

from benchmarks import acquisition


def test_planted_tables_are_simulated_and_counted(tmp_path, monkeypatch, capsys):
    out = tmp_path / "found.json"
    words = "--kinds planted --datasets one --methods ei --seeds 2 --rounds 1 --processes 1 --out".split()
    monkeypatch.setattr("sys.argv", ["acquisition", *words, str(out)])
    acquisition.main()
    assert "planted planted-0: 600 molecules" in capsys.readouterr().out
    found = json.loads(out.read_text())["planted"]
    assert found["counts"]["ei"]["hits"]["tables"] == 1
    assert [gain["method"] for gain in found["tables"]["planted-0"]] == ["ei", "ei"]
