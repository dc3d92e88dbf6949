"""Links of resources between stacks, and the division of paths among REST APIs."""

from typing import Any

import pytest

from tools.template.intrinsics import attribute, ref, sub
from tools.template.shares import CannotSplit, path_nodes, share_out
from tools.template.stacks import Draft, Unlinked, link

_QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {}}


def _thing(**properties: object) -> dict[str, Any]:
    return {"Type": "AWS::SNS::Topic", "Properties": properties}


class TestLinking:
    def test_a_reference_to_an_earlier_stack_becomes_a_parameter_and_its_output(self) -> None:
        used = _thing(a=ref("Queue"), b=[attribute("Queue")], c=sub("${Queue.Arn}/${Queue}/${AWS::Region}"))
        templates = link({"money": Draft({"Thing": used}), "core": Draft({"Queue": _QUEUE})}, given=())
        money, core = templates["money"], templates["core"]
        assert list(money["Parameters"]) == ["Queue", "QueueArn"]
        assert money["Resources"]["Thing"]["Properties"] == {
            "a": {"Ref": "Queue"},
            "b": [{"Ref": "QueueArn"}],
            "c": {"Fn::Sub": "${QueueArn}/${Queue}/${AWS::Region}"},
        }
        assert core["Outputs"] == {"Queue": {"Value": ref("Queue")}, "QueueArn": {"Value": attribute("Queue")}}
        assert "Parameters" not in core

    def test_what_is_ones_own_stays_as_it_is(self) -> None:
        own = {
            "Queue": _QUEUE,
            "Thing": _thing(a=attribute("Queue"), b=sub("${Queue}"), c=attribute("ThingUrl", "X")),
        }
        assert link({"cloud": Draft(own)}, given=())["cloud"]["Resources"] == own

    def test_what_is_given_is_a_parameter_where_it_is_used(self) -> None:
        drafts = {"core": Draft({"Thing": _thing(a=ref("Stage"))}), "money": Draft({"Queue": _QUEUE})}
        templates = link(drafts, given=("Stage", "TableName"))
        assert templates["core"]["Parameters"] == {"Stage": {"Type": "String"}}
        assert "Parameters" not in templates["money"]

    def test_nothing_refers_to_what_is_deployed_later(self) -> None:
        drafts = {"core": Draft({"Thing": _thing(a=ref("Queue"))}), "money": Draft({"Queue": _QUEUE})}
        with pytest.raises(Unlinked, match="core refers to Queue of money, which is deployed later"):
            link(drafts, given=())

    def test_nothing_refers_to_what_is_nowhere(self) -> None:
        with pytest.raises(Unlinked, match="core refers to Queue, which no stack has"):
            link({"core": Draft({"Thing": _thing(a=attribute("Queue"))})}, given=())


class TestSharingOut:
    def test_path_nodes_count_the_root_and_every_prefix_once(self) -> None:
        assert path_nodes(["/crash", "/notes", "/notes/{noteId}", "/notes/{noteId}/copies/all"]) == 6

    def test_versions_have_an_api_of_their_own(self) -> None:
        root, first = share_out(["/v1/admin/staff", "/deployments", "/v1/profile", "/version"], limit=10)
        assert (root.base_path, root.paths) == ("api", ("/deployments", "/version"))
        assert (first.base_path, first.paths) == ("api/v1", ("/v1/admin/staff", "/v1/profile"))
        assert (root.logical_id, first.logical_id) == ("RestAPI", "RestAPIV1")
        assert [first.local(path) for path in first.paths] == ["/admin/staff", "/profile"]
        assert first.local("/v1") == "/"

    def test_what_is_too_large_gives_away_its_largest_part_that_fits(self) -> None:
        paths = [f"/billing/{part}" for part in "abcd"] + [f"/machines/{part}" for part in "ab"] + ["/me"]
        root, billing = share_out(paths, limit=8)
        assert (billing.base, len(billing.paths)) == ("billing", 4)
        assert root.paths == ("/machines/a", "/machines/b", "/me")

    def test_a_part_may_be_given_away_of_what_was_given_away(self) -> None:
        paths = [f"/v1/admin/{area}/{part}" for area in ("people", "money") for part in "abcdef"]
        apis = {api.base: path_nodes(map(api.local, api.paths)) for api in share_out(paths, limit=8)}
        assert apis == {"v1/admin": 8, "v1/admin/people": 7}

    def test_every_path_is_in_the_api_with_the_longest_base_path_that_it_is_below(self) -> None:
        """The domain maps paths in the same way."""
        paths = [
            f"/{first}/{second}/{third}" for first in "abc" for second in "xyz" for third in ("1", "2", "{id}")
        ]
        apis = share_out(paths, limit=9)
        assert sorted(path for api in apis for path in api.paths) == sorted(paths)
        for path in paths:
            below = [api for api in apis if f"{path}/".startswith(f"/{api.base}/" if api.base else "/")]
            assert path in max(below, key=lambda api: len(api.base)).paths
        assert all(path_nodes(map(api.local, api.paths)) <= 9 for api in apis)

    def test_values_are_no_base_path(self) -> None:
        with pytest.raises(CannotSplit, match="below / are too many"):
            share_out([f"/{{id}}/{number}" for number in range(9)], limit=5)
