"""The rows of the API and of the addresses beside it, in the order of the reference."""

from __future__ import annotations

from recorder.web.api.routes_of_approvals import APPROVAL_ROUTES
from recorder.web.api.routes_of_copies import COPY_ROUTES
from recorder.web.api.routes_of_duties import DUTY_ROUTES
from recorder.web.api.routes_of_embeds import EMBED_ROUTES
from recorder.web.api.routes_of_evidence import EVIDENCE_ROUTES
from recorder.web.api.routes_of_facts import FACT_ROUTES
from recorder.web.api.routes_of_feeds import FEED_ROUTES
from recorder.web.api.routes_of_figures import FIGURE_ROUTES
from recorder.web.api.routes_of_findings import FINDING_ROUTES
from recorder.web.api.routes_of_gateways import GATEWAY_ROUTES
from recorder.web.api.routes_of_imports import IMPORT_ROUTES
from recorder.web.api.routes_of_livestreams import LIVESTREAM_ROUTES
from recorder.web.api.routes_of_marks import MARK_ROUTES
from recorder.web.api.routes_of_mentions import MENTION_ROUTES
from recorder.web.api.routes_of_operation import OPERATION_ROUTES
from recorder.web.api.routes_of_proposals import PROPOSAL_ROUTES
from recorder.web.api.routes_of_registries import REGISTRY_ROUTES
from recorder.web.api.routes_of_restrictions import RESTRICTION_ROUTES
from recorder.web.api.routes_of_upload import UPLOAD_ROUTES
from recorder.web.api.routes_of_webhooks import WEBHOOK_ROUTES
from recorder.web.route import Route

API_ROUTES: tuple[Route, ...] = (
    *UPLOAD_ROUTES,
    *LIVESTREAM_ROUTES,
    *GATEWAY_ROUTES,
    *EVIDENCE_ROUTES,
    *MARK_ROUTES,
    *RESTRICTION_ROUTES,
    *MENTION_ROUTES,
    *COPY_ROUTES,
    *PROPOSAL_ROUTES,
    *FEED_ROUTES,
    *WEBHOOK_ROUTES,
    *FINDING_ROUTES,
    *FIGURE_ROUTES,
    *FACT_ROUTES,
    *EMBED_ROUTES,
    *DUTY_ROUTES,
    *APPROVAL_ROUTES,
    *IMPORT_ROUTES,
    *REGISTRY_ROUTES,
    *OPERATION_ROUTES,
)
