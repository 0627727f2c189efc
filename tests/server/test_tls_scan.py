"""sslyze looks at the TLS port as a stranger would, and compares what it finds with Mozilla's intermediate profile (TL5, TL6)."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.api.installed import scanner
from tests.server.serving import serve

SCAN_S = 150.0
"""A fault, not a measure: some five hundred handshakes."""

#: Of a certificate that no authority signed this is right, and the only thing that is.
OWN_CERTIFICATE = "certificate_path_validation"


@pytest.mark.slow
def test_tl6_sslyze_finds_nothing_against_mozillas_intermediate_profile(tmp_path: Path) -> None:
    with serve(tmp_path, "--tls=auto") as server:
        done = subprocess.run(
            [
                *(str(scanner()), "-m", "sslyze", "--mozilla_config=intermediate"),
                f"127.0.0.1:{server.port}",
            ],
            capture_output=True,
            text=True,
            timeout=SCAN_S,
            check=False,
        )

    assert "SCANS COMPLETED" in done.stdout, done.stderr
    assert "Traceback" not in done.stderr
    findings = re.findall(r"^ +\* (\w+): (.*)$", done.stdout.partition("COMPLIANCE")[2], re.MULTILINE)
    assert [name for name, _ in findings] == [OWN_CERTIFICATE], findings
    for heading in ("SSL 2.0", "SSL 3.0", "TLS 1.0", "TLS 1.1"):
        part = done.stdout.partition(f"* {heading} Cipher Suites:")[2].partition(" * ")[0]
        assert "the server rejected all cipher suites" in part, heading
    # Each fault that has a name of its own is looked for, and answered in words.
    for line in (
        "CCS injection",
        "Heartbleed",
        "ROBOT Attack",
        "Client Renegotiation DoS",
        "TLS_FALLBACK_SCSV",
    ):
        assert re.search(rf"{line}.*", done.stdout), line
    assert not re.search(r"\bVULNERABLE\b", done.stdout)
    assert "Traceback" not in server.output()
