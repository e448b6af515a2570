"""Names that would reach other keys, other lines or other code: refused at the client, and harmless in the store."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from nbqueue import ConfigurationError, Queue, attach, options, submit
from nbqueue.broker.address import Address
from nbqueue.broker.envelope import seal
from nbqueue.broker.signing import Keyring
from nbqueue.model.names import check_job_id, check_namespace, check_queue, check_text
from nbqueue.model.settings import Settings
from nbqueue.worker.config import WorkerConfig
from tests.attacks.store import Store, by_hand, job_header
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("client", "unharmed")

ODD = (
    ":", "a:b", "{a}", "a*", "a?", "[a]", "a b", "a\nb", "a\r\nb", "a\0b", "\ud800", "a" * 2**20, "", "..", "../a",
    "a/b", "\u0430bc", "a\u200bb", "ａ", "\x1b[31m", '"]] redis.call("FLUSHALL")--', "'", "$(id)", "a;b", "-a", ".a",
    "%s", "a|b",
)  # fmt: skip
#: what every job and every live engine changes
BOOKKEEPING = (
    b"nbq:events", b"nbq:history:default", b"nbq:histories", b"nbq:minutes:", b"nbq:pruner",
    b"nbq:sequence", b"nbq:counts:default", b"nbq:epoch", b"nbq:wake:", b"nbq:leases",
    b"nbq:engine:", b"nbq:claims:", b"nbq:owner:", b"nbq:queues", b"arq:queue:default",
)  # fmt: skip
letters = st.text(st.characters() | st.sampled_from(":{}*?[]\n\0'\"/. "), max_size=150)


@pytest.mark.parametrize("name", ODD, ids=lambda name: ascii(name)[:20])
def test_an_odd_name_is_refused_before_anything_is_sent(store: Store, name: str) -> None:
    """As job id, queue or namespace, wherever one can be given; the sentence is short and shows it escaped."""
    before = store.dump()
    attempts: list[Callable[[], object]] = [
        lambda: options(job_id=name).submit(len, "abc"), lambda: options(queue=name).submit(len, "abc"),
        lambda: Queue(name),  lambda: attach(name), lambda: Settings(namespace=name or ":"),
        lambda: WorkerConfig(address=Address(), queues=(name,)),
        lambda: WorkerConfig(address=Address(), namespace=name or ":"),
    ]  # fmt: skip
    for attempt in attempts:
        with pytest.raises(ConfigurationError, match="cannot be used") as caught:
            attempt()
        assert len(str(caught.value)) < 250
        assert str(caught.value).isprintable()
    assert store.dump().keys() - before.keys() == set()


@pytest.mark.parametrize("text", ["a\nb", "a\0b", "\x1b]0;title\x07", "\ud800", "a" * 2**20, "\u202eabc"])
def test_an_odd_label_or_tag_is_refused(text: str) -> None:
    """Labels and tags are printable text of a moderate length, in any language."""
    for given_options in ({"label": text}, {"tags": [text]}):
        with pytest.raises(ConfigurationError, match="cannot be used") as caught:
            options(**given_options)
        assert len(str(caught.value)) < 250
    options(label="Größe ≥ 3 — 日本語", tags=["α β", "x:y", "*"])


@given(letters)
@hypothesis_settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_let_through_is_one_plain_word(name: str) -> None:
    """Whatever is accepted as an id, queue or namespace is short ASCII without a sign that means something in a key."""
    for check in (check_job_id, check_queue, check_namespace):
        try:
            assert check(name) == name
        except ConfigurationError:
            continue
        assert name.isascii()
        assert len(name) <= 128
        assert not set(name) & set(" :{}*?[]\\/'\"\n\0|;$`<>&")
    try:
        assert check_text(name, "label") == name
    except ConfigurationError:
        return
    assert name.isprintable()


def ends_of(names: list[bytes]) -> set[bytes]:
    """The keys that the ends of these jobs make."""
    return {prefix + name for name in names for prefix in (b"arq:job:", b"nbq:job:", b"arq:result:", b"nbq:log:")}


def test_raw_ids_change_no_other_key(store: Store, module_settings: Settings) -> None:
    """Ids put in by raw commands, with calls by hand and signed ones: all end, and no job or key but theirs changes."""
    victim = options(job_id="victim", queue="nobody").submit(len, "abc").wait(5)
    live = victim.live()
    wait_until(lambda: live.record.submitted_at)
    before = store.dump()
    ours = Keyring.load(module_settings.signing_key_file)
    raw = [name.encode("utf-8", "surrogatepass") for name in ODD]
    raw += [
        b"victim succeeded 1\nvictim",
        b"x\nvictim cancelled 9",
        b"\xff\xfe",
        b"victim\x00",
        b"victim\xff",
        b"victim ",
    ]
    for name in raw:
        text = name.decode(errors="surrogateescape")
        store.put(name, seal(ours, job_header(text[:1000]), b"") if len(name) % 2 else by_hand("greet_async", "you"))
    wait_until(lambda: store.client.zcard(store.keys.queue("default")) == 0, 15)
    after = store.dump()
    changed = {key for key in before.keys() | after.keys() if after.get(key) != before.get(key)}
    assert [key[:80] for key in changed if not key.startswith(BOOKKEEPING) and key not in ends_of(raw)] == []
    assert (live.record.state, victim.info().wait(5).state) == ("queued", "queued")
    live.close()
    assert victim.cancel().wait(5) == "cancelled"


def test_the_odd_ids_end_with_a_reason(store: Store) -> None:
    """An id that no client makes ends failed; one that could break a line of text is only told in the history."""
    store.put(b"\xff\xfe", by_hand("greet", "you"))
    store.put("a:b", by_hand("greet", "you"))
    store.put("line\nbreak", by_hand("greet", "you"))
    for name in (b"\xff\xfe", "a:b"):
        end = store.end_of(name, 10)
        assert (end["state"], end["error_type"]) == ("failed", "ConfigurationError")
        assert "job_id=" in end["error"]
    wait_until(lambda: store.history("line\nbreak") == [(0, "failed")])
    assert store.record("line\nbreak") == {}
    assert submit(len, "abc").wait(5).wait(10) == 3
