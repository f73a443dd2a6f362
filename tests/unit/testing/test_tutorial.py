"""The code of the tutorial page runs as it stands."""

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs/tutorial/testing-a-model.md"


def test_every_block_of_the_page_runs(tmp_path: Path) -> None:
    files: dict[str, str] = defaultdict(str)
    name = ""
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        if titled := re.match(r"# (\w+\.py)\n", block):
            name = titled.group(1)
        files[name] += block
    assert files.keys() == {"model.py", "test_model.py"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout", "30", str(tmp_path)],
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{files['test_model.py'].count('def test_')} passed" in done.stdout
