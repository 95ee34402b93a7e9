"""What the edge lets through."""

from __future__ import annotations

from typing import Any

from sluice_gateway.http.edge import Edge


async def test_only_http_and_lifespan_pass_the_edge() -> None:
    """A websocket brings no key that anybody would look at: it is closed before the application sees it."""
    reached, sent = list[str](), list[Any]()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["type"])

    async def accepts(_: str) -> bool:
        return False

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    edge = Edge(app, accepts, (), lambda: "r1")
    await edge({"type": "websocket", "path": "/api/v1/queue", "headers": []}, receive, send)
    assert (reached, sent) == ([], [{"type": "websocket.close", "code": 1008}])
    await edge({"type": "lifespan"}, receive, send)
    assert reached == ["lifespan"]
