"""What pages say where numbers, repetitions or failures could mislead the reader."""

from __future__ import annotations

from recorder.domain.people import OPERATOR, Role
from recorder.services import casework, tasks
from tests.support import workshop
from tests.support.web_service import WebService

HTML = {"Accept": "text/html", "Accept-Language": "zh-CN"}
SIGNED_IN = {**HTML, "Cookie": "recorder_session=nobody-knows-whose"}


async def page(service: WebService, path: str, token: str) -> str:
    answer = await service.ask("GET", path, token, headers=HTML)
    assert answer.status == 200
    return answer.content.decode()


async def test_a_search_that_finds_more_than_it_shows_says_so(service: WebService) -> None:
    token = await service.token(Role.SUPERVISOR)
    for number in range(31):
        await casework.open_case(service.deps, OPERATOR, number=f"深市监罚〔2025〕{100 + number}号")
    shown = await page(service, "/?q=2025", token)
    assert "符合的案件（前 30 个）" in shown
    assert "请再输入一些案号内容" in shown
    shown = await page(service, "/?q=2025%E3%80%9512", token)
    assert "找到 10 个案件" in shown
    assert "请再输入一些案号内容" not in shown


async def test_looking_again_and_again_is_one_line_of_custody(service: WebService) -> None:
    recording = await service.bureau.recording()
    token = await service.token(Role.SUPERVISOR)
    other = await service.token(Role.SUPERVISOR)
    for who in (token, token, other, token, token, token):
        shown = await page(service, f"/recordings/{recording}", who)
    assert shown.count("查看页面") == 3
    assert "共 2 次" in shown
    assert "共 3 次" in shown
    assert (await service.bureau.event_names()).count("RecordingViewed") == 6


async def test_footage_whose_verification_failed_is_not_said_to_be_on_its_way(
    service: WebService,
) -> None:
    camera = await workshop.camera(service.bureau)
    recording = await workshop.deliver(service.bureau, camera, b"footage")
    token = await service.token(Role.SUPERVISOR)
    shown = await page(service, f"/recordings/{recording}", token)
    assert "尚未校验" in shown
    assert "校验未完成" not in shown
    run = await workshop.claimed(service.deps)
    assert run.task == "verify"
    await tasks.fail(service.deps, OPERATOR, run, "store-unavailable", "It said no.")
    assert "校验未完成" in await page(service, f"/recordings/{recording}", token)


async def test_invented_footage_is_promised_no_digest_and_monitoring_asks_for_its_review(
    service: WebService,
) -> None:
    recording, token = await service.bureau.recording(), await service.token(Role.SUPERVISOR)
    shown = await page(service, f"/recordings/{recording}", token)
    assert "校验后生成" in shown
    assert "内容未审核" not in shown
    await service.bureau.value(
        "UPDATE recording SET integrity = 'simulated', admission = 'admitted',"
        " quarantine_reasons = '{}', length_bytes = 0, source = 'simulated',"
        " camera = 'surveillance' WHERE id = $1",
        recording,
    )
    shown = await page(service, f"/recordings/{recording}", token)
    assert "校验后生成" not in shown
    assert "无：没有任何数据" in shown
    assert "内容未审核" in shown
    answer = await service.ask(
        "PUT", f"/api/v1/recordings/{recording}/review", token,
        json={"outcome": "refused", "reason": "画面不清"},
    )  # fmt: skip
    assert answer.json == {"review": "refused"}
    assert "不作证据" in await page(service, f"/recordings/{recording}", token)


async def test_who_is_signed_in_is_not_asked_to_sign_in_by_a_problem(service: WebService) -> None:
    for path in ("/nowhere", f"/static/x/{'y' * 30}"):
        known = await service.ask("GET", path, headers=SIGNED_IN)
        stranger = await service.ask("GET", path, headers=HTML)
        assert known.status == stranger.status == 404
        assert "/sign-in" not in known.content.decode()
        assert "/sign-in" in stranger.content.decode()


async def test_a_page_that_fails_on_our_side_offers_to_try_again(service: WebService) -> None:
    await service.deps.database.close()
    answer = await service.ask("GET", "/recordings?q=1", headers=SIGNED_IN)
    shown = answer.content.decode()
    assert answer.status == 503
    assert 'href="/recordings?q=1"' in shown
    assert "重试" in shown
    assert "/sign-in" not in shown
