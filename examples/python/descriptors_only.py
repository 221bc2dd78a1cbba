"""Builds a workflow without knowing Tributary: from the API's descriptors and what it tells about itself.

This is how an editor, or a program that writes workflows, goes about it. It asks the server for the descriptors (by
reflection, or reads the file that `tributary proto` writes, if TRIBUTARY_DESCRIPTORS names it), asks for the words of the
mapping language, and writes a workflow with them. Then it makes a mistake and reads which node is wrong, mends it,
tests it, publishes, and sees that nobody's change is overwritten by a copy that is out of date.
"""

import copy
import json
import os
import secrets
import sys
from pathlib import Path

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.rpc import error_details_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

import client

PACKAGE = "tributary.admin.v1"


class Api:
    """Calls by their names, with dictionaries in and out."""

    def __init__(self, channel):
        self._channel = channel
        if file := os.environ.get("TRIBUTARY_DESCRIPTORS"):
            self._pool = descriptor_pool.DescriptorPool()
            for one in descriptor_pb2.FileDescriptorSet.FromString(Path(file).read_bytes()).file:
                self._pool.Add(one)
        else:
            self._pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        try:
            self._pool.FindServiceByName(f"{PACKAGE}.WorkflowService")
        except KeyError:
            sys.exit("nothing describes the API: set admin.reflection, or name the file of `tributary proto`")

    def has(self, service, method):
        """Whether there is such a call."""
        return method in self._pool.FindServiceByName(f"{PACKAGE}.{service}").methods_by_name

    def call(self, service, method, **request):
        """Calls; the fields are written as in JSON, and so is the answer."""
        found = self._pool.FindServiceByName(f"{PACKAGE}.{service}").methods_by_name[method]
        call = self._channel.unary_unary(
            f"/{PACKAGE}.{service}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=message_factory.GetMessageClass(found.output_type).FromString,
        )
        message = json_format.ParseDict(request, message_factory.GetMessageClass(found.input_type)())
        answer = call(message, timeout=30)
        return json_format.MessageToDict(answer, always_print_fields_with_no_presence=True)


def main():
    api = Api(client.connect())
    source = new_source(api)
    spec = write(api)
    workflow = api.call(
        "WorkflowService",
        "CreateWorkflow",
        parent=source,
        workflow={"key": "described", "displayName": "Described", "draft": spec},
    )
    print(f"written: {len(spec['userTraits'])} traits, {len(workflow['problems'])} problems")

    workflow = mistake(api, workflow)
    workflow = redraft(api, workflow, spec)
    assert not workflow["problems"], workflow["problems"]
    print("mended: no problems")
    try_out(api, workflow)
    published = api.call("WorkflowService", "PublishWorkflow", name=workflow["name"], etag=workflow["etag"])
    print(f"published: version {published['publishedVersion']}")
    out_of_date(api, workflow)


def new_source(api):
    """The name of a source in a tenant of its own."""
    agencies = api.call("AgencyService", "ListAgencies", pageSize=200)["agencies"]
    agency = next((one for one in agencies if one["key"] == "examples"), None) or api.call(
        "AgencyService", "CreateAgency", agency={"key": "examples", "displayName": "Examples"}
    )
    tenant = api.call(
        "TenantService",
        "CreateTenant",
        parent=agency["name"],
        tenant={"key": f"described-{secrets.token_hex(4)}", "displayName": "Described"},
    )
    made = api.call(
        "SourceService",
        "CreateSource",
        parent=tenant["name"],
        source={"key": "forms", "displayName": "Forms", "provider": "custom"},
    )
    return made["source"]["name"]


def write(api):
    """A workflow for a form's webhook, of words that the server knows."""
    language = api.call("WorkflowService", "DescribeMappingLanguage")
    events = api.call("WorkflowService", "ListEventDefinitions")["eventDefinitions"]
    traits = api.call("WorkflowService", "ListTraitDefinitions")["traitDefinitions"]

    def word(words, wanted):
        """The word of this label or name, whatever else there is."""
        return next(one["name"] for one in words if wanted in (one["name"], one["label"].lower()))

    # An operator that compares with one value, and reads as we mean it.
    operators = [one for one in language["operators"] if one["operand"] == "OPERAND_VALUE"]
    equals = next(one["op"] for one in operators if one["label"] == "equals")
    trim = next(one["field"] for one in language["steps"] if not one["parameters"])
    lead = next(one["eventName"] for one in events if "lead" in one["eventName"].lower())
    return {
        "kind": word(language["kinds"], "KIND_TRACK"),
        "filter": {
            "logic": word(language["logics"], "LOGIC_ALL"),
            "nodes": [
                {
                    "id": "is_submitted",
                    "condition": {"left": {"path": {"jsonpath": "$.type"}}, "op": equals, "right": ["submitted"]},
                }
            ],
        },
        "eventName": {"id": "event_name", "target": "event_name", "inputs": [{"constant": lead}]},
        "identifiers": [
            {
                "id": "who",
                "target": word(language["identifierTypes"], "email"),
                "primary": True,
                "inputs": [{"path": {"jsonpath": "$.answers.email"}}],
            }
        ],
        # One mapping for each trait of text that there is: the form's questions are called the same.
        "userTraits": [
            {
                "id": f"trait_{one['target']}",
                "target": one["target"],
                "valueType": one["valueType"],
                "inputs": [{"path": {"jsonpath": f"$.answers.{one['target']}"}}],
                "steps": [{"id": f"tidy_{one['target']}", trim: {}}],
            }
            for one in traits
            if one["valueType"] == "VALUE_TYPE_STRING"
        ],
    }


def redraft(api, workflow, spec):
    """The workflow with another draft; its etag says which state of it the change was made for."""
    return api.call(
        "WorkflowService",
        "UpdateWorkflow",
        workflow={"name": workflow["name"], "etag": workflow["etag"], "draft": spec},
        updateMask="draft",
    )


def mistake(api, workflow):
    """Breaks a node of the draft, and reads of the answers which one it was. Nothing is published."""
    spec = copy.deepcopy(workflow["draft"])
    broken = spec["userTraits"][0]
    broken["steps"] = [{"id": "broken_pattern", "replace": {"pattern": "(", "with": ""}}]
    # A draft may be wrong for a while: it is kept, and its problems are told.
    workflow = redraft(api, workflow, spec)
    for problem in workflow["problems"]:
        print(f"problem at {problem['nodeId']}: {problem['reason']}; {problem['fix']}")
    assert "broken_pattern" in [problem["nodeId"] for problem in workflow["problems"]]
    # It is not put in force, and the refusal names the node too.
    error = refusal(
        lambda: api.call("WorkflowService", "PublishWorkflow", name=workflow["name"], etag=workflow["etag"])
    )
    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION, error
    nodes = [one.subject for one in detail(error, error_details_pb2.PreconditionFailure).violations]
    print(f"refused: {reason(error)}, because of {', '.join(nodes)}")
    assert any("broken_pattern" in node for node in nodes), nodes
    return workflow


def try_out(api, workflow):
    """Tests the draft on a form as its provider would send it. Nothing is stored, sent or published."""
    fields = {trait["target"]: f" Some {trait['target']} " for trait in workflow["draft"]["userTraits"]}
    form = {"type": "submitted", "answers": {**fields, "email": "ann@example.com"}}
    test = api.call("WorkflowService", "TestWorkflow", name=workflow["name"], body=json.dumps(form))
    status = test["run"]["run"]["status"]
    assert status["code"] == "CODE_SUCCEEDED", status
    (event,) = test["run"]["events"]
    steps = [step["text"] for step in event["identity"]["steps"]]
    print(f"tested: {status['displayName']}, {event['event']['eventName']}; {steps[0].split(':')[0]}")
    # A form that the filter does not let through says which node stopped it, and what to do.
    form["type"] = "opened"
    test = api.call("WorkflowService", "TestWorkflow", name=workflow["name"], body=json.dumps(form))
    stopped = test["run"]["run"]["status"]
    assert stopped["reason"]["nodeId"] == "is_submitted", stopped
    print(f"tested: {stopped['displayName']} at {stopped['reason']['nodeId']}")


def out_of_date(api, workflow):
    """Changes a workflow that was published since it was read: the change is refused."""
    error = refusal(lambda: redraft(api, workflow, workflow["draft"]))
    assert error.code() == grpc.StatusCode.ABORTED, error
    print(f"refused: {error.code().name}, {reason(error)}")


def refusal(call):
    """The error that a call has to end with."""
    try:
        call()
    except grpc.RpcError as error:
        return error
    raise AssertionError("it was not refused")


def detail(error, kind):
    """What an error says besides its message."""
    for packed in rpc_status.from_call(error).details:
        found = kind()
        if packed.Unpack(found):
            return found
    raise AssertionError(f"no {kind.__name__} in {error}")


def reason(error):
    """The stable reason; docs/errors.md tells of each what to do."""
    return detail(error, error_details_pb2.ErrorInfo).reason


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")
