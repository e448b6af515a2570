"""The envelope: what a key holder sealed for one place opens there, and nothing else opens anywhere."""

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbqueue.broker.envelope import HEADER_LIMIT_BYTES, Sealed, open_sealed, peek, seal
from nbqueue.broker.signing import Keyring
from nbqueue.errors import PayloadTooLarge, TamperedPayload

OURS = Keyring({"ours": b"o" * 32, "old": b"p" * 32})
THEIRS = Keyring({"theirs": b"t" * 32})
HEADER: dict[str, Any] = {"kind": "result", "ns": "lab", "id": "job1", "fn": "solve", "fence": 3, "state": "succeeded"}
PLACE: dict[str, Any] = {"kind": "result", "namespace": "lab", "job_id": "job1", "fence": 3}
PAYLOAD = pickle.dumps({"answer": 42, "text": "x" * 700})

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def refusal(blob: bytes, keyring: Keyring = OURS, **place: Any) -> TamperedPayload:
    """The error that opening raises."""
    with pytest.raises(TamperedPayload) as caught:
        open_sealed(keyring, blob, **{**PLACE, **place})
    return caught.value


@given(st.dictionaries(st.text(), json_values, max_size=5), st.binary(max_size=2_000), st.text(), st.integers())
def test_what_was_sealed_opens_unchanged(extra: dict[str, Any], payload: bytes, job_id: str, fence: int) -> None:
    """Any header of JSON values and any payload come back as they were."""
    header = {**extra, "kind": "job", "ns": "", "id": job_id, "fence": fence}
    blob = seal(OURS, header, payload)
    assert open_sealed(OURS, blob, kind="job", namespace="", job_id=job_id, fence=fence) == Sealed(header, payload)
    assert peek(blob) == header


def test_every_flipped_bit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever bit of a blob is flipped, it is refused with the one kind of error, and nothing is unpickled."""
    blob = seal(OURS, HEADER, PAYLOAD)
    unpickled: list[object] = []
    monkeypatch.setattr(pickle, "loads", unpickled.append)
    for at in range(len(blob)):
        for bit in range(8):
            assert refusal(blob[:at] + bytes([blob[at] ^ (1 << bit)]) + blob[at + 1 :]).reason
    assert unpickled == []


def test_every_cut_and_every_addition_is_refused() -> None:
    """A blob that is shorter or longer than it was sealed is refused."""
    blob = seal(OURS, HEADER, PAYLOAD)
    for length in range(len(blob)):
        assert refusal(blob[:length]).reason in {"bad shape", "bad signature"}
    assert refusal(blob + b"\0").reason == "bad signature"
    assert refusal(b"\0" + blob).reason == "bad shape"


@given(st.integers(min_value=-10, max_value=10**9))
def test_a_header_length_that_lies_is_refused(length: int) -> None:
    """The length is no way to shift bytes from header to payload, also not where the payload looks like a header."""
    payload = b'\n{"kind": "result"}\n' + PAYLOAD
    first, rest = seal(OURS, HEADER, payload).split(b"\n", 1)
    words = first.split(b" ")
    if length != int(words[3]):
        blob = b" ".join([*words[:3], str(length).encode()]) + b"\n" + rest
        assert refusal(blob).reason == "bad shape"


@pytest.mark.parametrize("shape", ["0{}", "+{}", "{} ", " {}", "{}_0", "{}.0", "0x{}", "-{}", "٣{}"])
def test_only_one_way_of_writing_the_length_is_read(shape: str) -> None:
    """Another way of writing the same length would be another blob with the same signature."""
    first, rest = seal(OURS, HEADER, PAYLOAD).split(b"\n", 1)
    words = first.decode().split(" ")
    blob = " ".join([*words[:3], shape.format(words[3])]).encode() + b"\n" + rest
    assert refusal(blob).reason == "bad shape"


@pytest.mark.parametrize("key_id", ["none", "None", "NONE", "alg", "hs256", "old", "theirs", "o", "a" * 32])
def test_another_key_id_is_refused_as_a_wrong_signature_is(key_id: str) -> None:
    """An unknown key id, another known one and "none" are all refused in the same words: there is no oracle."""
    words = seal(OURS, HEADER, PAYLOAD).split(b" ", 2)
    told = refusal(b" ".join([words[0], key_id.encode(), words[2]]))
    assert told.reason == "bad signature"
    assert str(told) == (
        f"The record of job 'job1' was refused unread: its signature (key id {key_id}) fits none of our keys "
        "(key ids: ours, old)."
    )


@pytest.mark.parametrize("signature", ["", "0" * 64, "none", "f" * 63, "f" * 65, "F" * 64])
def test_another_signature_is_refused(signature: str) -> None:
    """No signature, a short or long one, and one in capitals are refused."""
    words = seal(OURS, HEADER, PAYLOAD).split(b" ", 3)
    blob = b" ".join([words[0], words[1], signature.encode(), words[3]])
    assert refusal(blob).reason in {"bad shape", "bad signature"}


@pytest.mark.parametrize("magic", ["NBQ0", "NBQ2", "nbq1", "JSON", "NBQ1 none"])
def test_another_format_is_refused(magic: str) -> None:
    """There is one format, and the blob has no say in how it is checked."""
    blob = seal(OURS, HEADER, PAYLOAD)
    assert refusal(magic.encode() + blob[4:]).reason == "bad shape"


@pytest.mark.parametrize("blob", [b"", PAYLOAD, b"{}", b"\n" * 200, b"NBQ1 " * 50, HEADER["id"].encode()])
def test_what_was_never_sealed_is_refused(blob: bytes) -> None:
    """A bare pickle, JSON or noise is refused by its shape."""
    assert refusal(blob).reason == "bad shape"


def test_a_blob_of_another_key_is_refused() -> None:
    """Who does not hold our key cannot write for us; the sentence names both key ids."""
    told = refusal(seal(THEIRS, HEADER, PAYLOAD))
    assert told.reason == "bad signature"
    assert "key id theirs" in str(told)
    assert "key ids: ours, old" in str(told)


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ({"kind": "job"}, "wrong kind"),
        ({"namespace": "other"}, "wrong namespace"),
        ({"namespace": ""}, "wrong namespace"),
        ({"job_id": "job2"}, "wrong job"),
        ({"function": "evaluate"}, "wrong function"),
        ({"fence": 2}, "wrong fence"),
        ({"fence": 4}, "wrong fence"),
    ],
)
def test_a_blob_is_refused_in_another_place(place: dict[str, Any], reason: str) -> None:
    """A result as a job, of another namespace, job, function or attempt: each is refused with its own reason."""
    assert refusal(seal(OURS, HEADER, PAYLOAD), **place).reason == reason


@pytest.mark.parametrize("fence", [True, 1.0, "1", None])
def test_a_fence_is_a_whole_number(fence: object) -> None:
    """What merely equals the number is another fence."""
    assert refusal(seal(OURS, {**HEADER, "fence": fence}, PAYLOAD), fence=1).reason == "wrong fence"


def test_the_signature_is_checked_before_the_place() -> None:
    """A forged blob learns nothing of where it would have been accepted."""
    told = refusal(seal(THEIRS, HEADER, PAYLOAD), namespace="other", job_id="job2", fence=9)
    assert told.reason == "bad signature"


def test_a_signed_header_that_is_no_object_is_refused() -> None:
    """A header is a JSON object, whoever signed it."""
    for text in (b"[]", b"1", b"{", b"\xff", b"[" * 100_000):
        key_id, signature = OURS.sign(b"NBQ1\n", text, b"\n", b"")
        assert refusal(f"NBQ1 {key_id} {signature} {len(text)}\n".encode() + text + b"\n").reason == "bad shape"


def test_a_blob_over_the_limit_is_refused_before_its_signature() -> None:
    """The limit given by the reader holds, and is told."""
    blob = seal(THEIRS, HEADER, b"x" * 1_000)
    told = refusal(blob, limit_bytes=1_000)
    assert told.reason == "too large"
    assert "1000 are allowed" in str(told)


def test_a_header_over_the_limit_is_not_sealed() -> None:
    """What could not be opened is not sealed."""
    with pytest.raises(PayloadTooLarge) as caught:
        seal(OURS, {"text": "x" * HEADER_LIMIT_BYTES}, b"")
    assert caught.value.limit_bytes == HEADER_LIMIT_BYTES


def test_a_header_is_shown_without_a_key() -> None:
    """A listing may show a header it cannot verify; noise is refused there as well."""
    assert peek(seal(THEIRS, HEADER, PAYLOAD)) == HEADER
    with pytest.raises(TamperedPayload):
        peek(PAYLOAD)
