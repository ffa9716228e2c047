"""Good files with bytes changed, for tests that try many of them."""

from hypothesis import strategies as st


def replace(content: bytes, at: int, new: bytes) -> bytes:
    return content[:at] + new + content[at + len(new) :]


def insert(content: bytes, at: int, new: bytes) -> bytes:
    return content[:at] + new + content[at:]


def remove(content: bytes, at: int, new: bytes) -> bytes:
    return content[:at] + content[at + len(new) :]


def repeat(content: bytes, at: int, new: bytes) -> bytes:
    return insert(content, at, content[at : at + len(new)])


def mutated(content: bytes, mutations: list) -> bytes:
    """`content` after each of the changes, one after the other."""
    for mutate, share, new in mutations:
        content = mutate(content, int(share * len(content)), new)
    return content


def mutations(*telling: bytes) -> st.SearchStrategy[list]:
    """One to four changes. `telling` are bytes that mean something in the format."""
    change = st.tuples(
        st.sampled_from([replace, replace, insert, remove, repeat]),
        st.floats(0, 1, exclude_max=True),
        st.one_of(st.binary(min_size=1, max_size=8), st.sampled_from([b"\xff" * 4, b"\x00" * 8, *telling])),
    )
    return st.lists(change, min_size=1, max_size=4)
