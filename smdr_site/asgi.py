"""HTTP and WebSocket entry point, for daphne and for `manage.py serve`."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "smdr_site.settings")
http = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402 - the apps must be loaded first
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from channels.sessions import CookieMiddleware  # noqa: E402
from django.urls import path  # noqa: E402

from calls.consumers import BoardConsumer, WallConsumer  # noqa: E402
from smdr_site.origin import SameOriginOnly  # noqa: E402
from smdr_site.shutdown import EndsWithTheServer  # noqa: E402
from smdr_site.wire import GivesFlow, GivesWire  # noqa: E402

sockets = URLRouter([path("ws/board/", BoardConsumer.as_asgi()), path("ws/wall/", WallConsumer.as_asgi())])

application = ProtocolTypeRouter(
    {
        "http": GivesFlow(http),
        "websocket": GivesWire(
            EndsWithTheServer(SameOriginOnly(AllowedHostsOriginValidator(CookieMiddleware(sockets))))
        ),
    }
)
