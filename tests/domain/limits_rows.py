"""Random limits rows, loose values and all."""

from __future__ import annotations

from hypothesis import strategies as st

numbers = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(0, 5000),
    st.sampled_from(["", "0", "25", "2.5", "abc", 0]),
)
behaviors = st.sampled_from(["default", "force_active", "force_inactive", "odd"])
rules = st.fixed_dictionaries(
    {"visibility": st.sampled_from(["visible", "hidden"]), "behavior": behaviors}
)
subtypes = st.dictionaries(
    st.sampled_from(["post", "page"]),
    st.fixed_dictionaries({"enabled": st.booleans(), "number": numbers}),
)
limits_rows = st.fixed_dictionaries(
    {},
    optional={
        "visits": st.fixed_dictionaries({"enabled": st.booleans(), "limit": numbers}),
        "disk_space": st.fixed_dictionaries({"enabled": st.booleans(), "limit": numbers}),
        "post_types": st.fixed_dictionaries({"enabled": st.booleans(), "limit": subtypes}),
        "plugins": st.fixed_dictionaries(
            {"enabled": st.booleans(), "limit": st.dictionaries(st.just("hello.php"), rules)},
            optional={"id": st.just("plugins")},
        ),
        "of_an_addon": st.recursive(
            numbers, lambda inner: st.dictionaries(st.text(max_size=3), inner, max_size=3)
        ),
    },
)
addon_lists = st.lists(st.tuples(limits_rows, st.integers(0, 3)), max_size=3)
