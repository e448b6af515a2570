"""The server within this process: what scripts and clients find there is what a real one gives."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.exceptions import RedisError

from nbqueue.broker import inline_server
from nbqueue.broker.asking import ask, ask_one
from nbqueue.broker.connection import open_redis, parse_url
from tests.servers import Server
from tests.waiting import until

#: what a script may rely on: its text -> why
SCRIPTS = [
    "return {1, 'two', false, 4}",
    "return {1, nil, 3}",
    "return 3.7",
    "return {ok = 'FINE'}",
    "return redis.status_reply('FINE')",
    "return redis.error_reply('GONE it is not there')",
    "return {redis.pcall('HGET', 'k', 'f').err ~= nil, redis.call('GET', 'k')}",
    "local found = redis.pcall('LPUSH', 'k', 'x') return type(found) .. (found.err and ' ' .. found.err or '')",
    "return redis.call('LPUSH', 'k', 'x')",
    "local ok, found = pcall(redis.call, 'LPUSH', 'k', 'x') return {tostring(ok), type(found)}",
    "return {type(redis.call('TIME')[1]), type(redis.call('TIME')[1] * 1000 + 0.5)}",
    "return {type(redis.call('GET', 'none')), type(redis.call('HGETALL', 'none')), #redis.call('HGETALL', 'h')}",
    "local found = redis.call('MGET', 'k', 'none') return {found[1], tostring(found[2])}",
    "local found = redis.call('HMGET', 'h', 'a', 'none') return {found[1], tostring(found[2]), #found}",
    "return type(redis.call('ZSCORE', 'z', 'one')) .. redis.call('ZSCORE', 'z', 'one')",
    "return redis.call('ZADD', 'z', 2^53, 'far', 1e15, 'near', '1.5', 'half') + redis.call('ZCARD', 'z')",
    "redis.call('ZADD', 'z', 1795335164123, 'ms') return redis.call('ZSCORE', 'z', 'ms')",
    "return redis.call('ZRANGEBYSCORE', 'z', '-inf', '(2', 'WITHSCORES', 'LIMIT', 0, 5)",
    "return redis.call('SET', 'n', 12345678901234) and redis.call('GET', 'n')",
    "return redis.call('SET', 'n', 0.25) and redis.call('GET', 'n')",
    "return redis.call('HSET', 'h', 'n', 5, 'm', 2.5) + #redis.call('HGET', 'h', 'm')",
    "return {redis.call('EXISTS', 'k') == 1, redis.call('EXISTS', 'k', 'none')}",
    "return redis.call('HINCRBY', 'h', 'count', 2) .. type(redis.call('INCRBY', 'sum', 3))",
    "local words = {} for i = 1, 2000 do words[i] = 'w' .. i end return redis.call('SADD', 's', unpack(words))",
    "redis.call('SET', 'p', 'x', 'PXAT', 4102444800000) return redis.call('PEXPIRETIME', 'p')",
    "return redis.pcall('XADD', 'k', 'MAXLEN', '~', 10, '*', 'a', 'b').err ~= nil",
    "redis.call('XADD', 'x', '1-1', 'a', '1') return redis.call('XRANGE', 'x', '-', '+', 'COUNT', 2)",
    "redis.call('XADD', 'x', '1-1', 'a', '1') return redis.call('XTRIM', 'x', 'MINID', '1-1')",
    "redis.call('SADD', 's', 'a', 'b') return redis.call('SMISMEMBER', 's', 'a', 'none', 'b')",
    "redis.call('SADD', 's', 'a') return {redis.call('SPOP', 's'), tostring(redis.call('SPOP', 's'))}",
    "return {redis.call('HSETNX', 'h', 'a', '2'), redis.call('HSETNX', 'h', 'b', '2'), #redis.call('HKEYS', 'h')}",
    "redis.call('RPUSH', 'l', 1, 2, 3) redis.call('LTRIM', 'l', 1, -1) return redis.call('LRANGE', 'l', 0, -1)",
    "return {redis.call('LINDEX', 'l', 0), redis.call('RPUSH', 'l', 'x'), redis.call('LINDEX', 'l', -1)}",
    "redis.call('ZADD', 'z', math.huge, 'last') return redis.call('ZRANGE', 'z', 0, -1, 'WITHSCORES')",
    "return redis.call('ZADD', 'z', 'GT', 'CH', 5, 'one', 6, 'new') + redis.call('ZADD', 'z', 'NX', 9, 'one')",
    "redis.call('ZADD', 'z', 2, 'b') return redis.call('ZRANGE', 'z', '(2', '-inf', 'BYSCORE', 'REV')",
    "return {redis.call('PEXPIRE', 'k', 5000, 'NX'), redis.call('PEXPIRE', 'k', 9000, 'NX'), redis.call('PTTL', 'h')}",
    "return {redis.call('SET', 'k', 'w', 'NX'), redis.call('SET', 'new', 'w', 'NX', 'PX', 1000).ok}",
    "return {redis.call('ZPOPMIN', 'z')[1], redis.call('ZINCRBY', 'z', 2, 'two'), redis.call('HSTRLEN', 'h', 'a')}",
    "local words = {} for each in string.gmatch('a b', '%S+') do words[#words + 1] = each end return words",
    "return cjson.encode({a = 1})",
    "return cjson.encode({1, 2, 'x'})",
    "return cjson.encode({})",
    "return cjson.encode({at = 1795335164123})",
    "return cjson.encode({{part = 0.25}, {yes = true}, {none = cjson.null}})",
    "return cjson.encode({text = 'say \"x\" \\n \\195\\164 \\255'})",
    """local found = cjson.decode('{"a": {"b": [1, 2.5, "c"]}, "n": null, "t": true, "e": []}')
    return {found.a.b[1], tostring(found.a.b[2]), found.a.b[3], tostring(found.n == cjson.null), #found.e}""",
    'return cjson.encode(cjson.decode(\'{"rate":3,"per_ms":60000.5}\').per_ms)',
    "return tostring(cjson.decode('[1,2,3]')[3] == 3)",
    "return {#ARGV, #KEYS, ARGV[1], string.format('%d', 7), string.format('%.0f', 12345678901)}",
    "return string.match('3 12 x', '^(%d+) (%d+) (.*)$')",
    "return {string.byte('\\255'), #'\\0ab'}",
    "error('stopped')",
    "return redis.call('SET', 'only')",
]


@pytest.fixture
async def inline() -> AsyncIterator[Any]:
    """A client of a server within this process."""
    client = open_redis(parse_url("inline:test"))
    yield client
    await client.aclose()
    inline_server.drop("test")


async def _outcome(client: Any, script: str) -> tuple[str, Any]:
    await ask(client, ("FLUSHALL",), ("SET", "k", "v"), ("HSET", "h", "a", "1"), ("ZADD", "z", 1, "one"))
    try:
        found = await ask_one(client, "EVAL", f"#!lua\n{script}", 0, b"\xff\x00word")
    except RedisError as error:
        return type(error).__name__, str(error).split(" ")[0]
    return "gave", found


@pytest.mark.parametrize("script", SCRIPTS)
async def test_a_script_finds_what_it_finds_in_a_real_server(script: str, server: Server, inline: Any) -> None:
    """Replies, errors, numbers and JSON are those of the real server."""
    async with open_redis(parse_url(server.url)) as real:
        assert await _outcome(inline, script) == await _outcome(real, script)
        await real.flushall()


def blocked(socket: Any) -> bool:
    """Whether a client waits for something to come."""
    return socket._blocked is True


async def test_a_read_that_was_given_up_takes_nothing_away(inline: Any) -> None:
    """What comes after a blocked pop was cancelled is there for the next one."""
    async with open_redis(parse_url("inline:test")) as other:
        waiting = asyncio.create_task(ask_one(other, b"BLPOP", "list", 5))
        await until(lambda: any(blocked(client) for client in inline_server._servers["test"].sockets))
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    await inline.lpush("list", "token")
    assert await ask_one(inline, b"BLPOP", "list", 1) == [b"list", b"token"]


async def test_servers_of_different_names_share_nothing(inline: Any) -> None:
    """The name behind `inline:` says which store is meant."""
    await inline.set("k", "v")
    async with open_redis(parse_url("inline:other")) as other, open_redis(parse_url("inline:test")) as same:
        assert (await other.get("k"), await same.get("k")) == (None, b"v")
    inline_server.drop("other")


def test_what_is_missing_is_named() -> None:
    """Without the library one sentence says what to install."""
    code = (
        "import sys; sys.modules['fakeredis'] = None\n"
        "import nbqueue; nbqueue.configure(url='inline:')\n"
        "try: nbqueue.submit(print, 1).wait()\n"
        "except nbqueue.ConfigurationError as error: print(error)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "pip install 'nbqueue[inline]'" in ran.stdout
    assert len(ran.stdout.splitlines()) == 1
