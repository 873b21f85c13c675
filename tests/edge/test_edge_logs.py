"""Logs are read from a process of their own: what it wrote to standard error is what a user would see."""

import json
import subprocess
import sys
import textwrap

import pytest

TOKEN = "eyJhbGciOiJIUzUxMiJ9.logs.token-of-nobody"
ODD = 'p"w\\d é&+ one'
PIN = "123456"


def logged(shape: str, code: str, level: str = "info") -> str:
    """What a program that configures logs like this, knows these secrets and then does this says on standard error."""
    program = f"""
import asyncio, logging, structlog
from copyctl.edge.logs import configure, flush, mask, register_secret
configure({level!r}, {shape!r})
TOKEN, ODD, PIN = {TOKEN!r}, {ODD!r}, {PIN!r}
for one in (TOKEN, ODD, PIN, "", "  "):
    register_secret(one)
log = structlog.get_logger("copyctl.test")
""" + textwrap.dedent(code)
    child = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60)
    assert child.returncode == 0, child.stderr
    assert child.stdout == ""
    return child.stderr


def shows_a_secret(text: str) -> bool:
    return any(one in text for one in (TOKEN, ODD, ODD.replace("\\", "\\\\"), 'p"w', "w\\\\d"))


EVERYWHERE = """
    log.info(f"login {TOKEN}", token=TOKEN, inner={"a": [TOKEN, ODD]}, raw=TOKEN.encode(), odd=ODD, pin=PIN)
    def deep(token):
        raise RuntimeError(f"refused {token} {ODD}")
    try:
        deep(TOKEN)
    except RuntimeError:
        log.exception("it failed")
        logging.getLogger("aiohttp.client").exception("a library failed with %s", TOKEN)
    logging.getLogger("websockets.client").warning("> TEXT %r", TOKEN)
    structlog.contextvars.bind_contextvars(account=TOKEN)
    log.warning("bound")
    async def forgotten():
        raise ValueError(TOKEN)
    async def main():
        task = asyncio.create_task(forgotten())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del task
    asyncio.run(main())
    import urllib.parse
    log.info("asked", url="https://auth/?pin=" + PIN + "&secret=" + urllib.parse.quote(ODD, safe=""))
"""


@pytest.mark.parametrize("shape", ["console", "json"])
def test_no_line_holds_a_secret_wherever_it_stood(shape):
    said = logged(shape, EVERYWHERE)
    assert not shows_a_secret(said)
    assert "%22w" not in said
    assert f"pin={PIN}" not in said
    assert said.count("***") >= 12
    assert "RuntimeError: refused *** ***" in said
    assert "a library failed with ***" in said
    assert "never retrieved" in said


def test_a_short_secret_is_masked_where_it_stands_alone_only():
    said = logged("console", 'log.info("order 122123456001234 placed, pin 123456.")')
    assert "122123456001234" in said
    assert "pin ***." in said


@pytest.mark.parametrize("shape", ["console", "json"])
def test_a_word_of_a_table_is_told_as_the_word(shape):
    said = logged(shape, "from copyctl.model.terms import Decision; log.info('decided', decision=Decision.COPIED)")
    assert "copied" in said
    assert "Decision" not in said


def test_json_is_one_object_a_line():
    said = logged("json", 'log.info("placed", order_id="1", price=1.5, odd={1, }); logging.getLogger("x").error("no")')
    first, second = (json.loads(line) for line in said.splitlines())
    assert (first["event"], first["order_id"], first["price"], first["level"]) == ("placed", "1", 1.5, "info")
    assert first["at"].endswith("Z")
    assert (second["event"], second["level"]) == ("no", "error")


def test_lines_below_the_level_are_left_out_and_libraries_never_tell_all():
    code = """
        log.debug("ours, finest"); log.info("ours"); log.error("bad")
        logging.getLogger("websockets.client").debug("theirs, finest")
        logging.getLogger("websockets.client").info("theirs")
    """
    shown = {level: logged("console", code, level) for level in ("debug", "info", "warning", "error")}
    assert "ours, finest" in shown["debug"]
    assert all("theirs, finest" not in said for said in shown.values())
    assert "theirs" in shown["info"]
    assert "ours, finest" not in shown["info"]
    assert "ours" not in shown["warning"]
    assert "bad" in shown["error"]


def test_configuring_twice_says_nothing_twice():
    said = logged(
        "console", 'configure("info", "console"); log.info("once"); logging.getLogger("x").error("also once")'
    )
    assert said.count("once") == 2


def test_text_for_elsewhere_can_be_masked_as_well():
    assert logged("console", "log.info('kept'); flush(); import sys; sys.stderr.write(mask('a ' + TOKEN))").endswith(
        "a ***"
    )


@pytest.mark.parametrize("shape", ["console", "json"])
def test_what_looks_like_a_token_or_a_password_is_masked_though_nobody_told_of_it(shape):
    said = logged(
        shape,
        """
        log.info("refused eyJhbGciOiJIUzUxMiJ9.unknown-part.of-nobody!", url="https://user:p4ssw0rd@broker.example/v2")
        """,
    )
    assert "unknown-part" not in said
    assert "p4ssw0rd" not in said
    assert "broker.example/v2" in said
