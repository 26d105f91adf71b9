"""Whatever fits or almost fits the OpenAPI document is answered, and never by a failure of the agent."""

from tests.openapi_cases import check_operation, operations


def test_no_request_makes_the_agent_fail(shared_service):
    """Every operation, with a dozen made-up requests each."""
    wanted = list(operations(f"http://127.0.0.1:{shared_service.port}"))
    assert len(wanted) <= sum(check_operation(operation) > 0 for operation in wanted)
