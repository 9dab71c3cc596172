"""Each finding under Guangdong's shipped list beside the article that it rests on, in its words."""

from __future__ import annotations

import pytest

from recorder.domain.case_event import EventKind
from recorder.domain.coverage import CaseFacts, evaluate
from recorder.domain.finding import Finding, FindingKind
from recorder.services.duties.shipped import profile
from recorder.web import i18n
from recorder.web.pages import finding_words
from tests.support.acts import OFFICERS, clip, event, facts

K = FindingKind
GD = "《广东省行政执法全过程记录办法》"
PENALTY = "《中华人民共和国行政处罚法》"


def judged(*footage: object, profile_: str = "cn-gd", **changes: object) -> CaseFacts:
    return facts(*footage, lists=(profile(profile_),), **changes)  # type: ignore[arg-type]


def of_kind(kind: FindingKind, asked: CaseFacts) -> Finding:
    (found,) = (each for each in evaluate(asked).findings if each.kind is kind)
    return found


@pytest.mark.parametrize(
    ("kind", "asked", "rule", "said"),
    [
        # 第十四条: 对查封扣押财产、强制拆除等……应当进行全程不间断音像记录.
        (
            K.UNRECORDED, judged(), f"{GD}第十四条、第十九条",
            "2026-03-02 09:00:00 至 2026-03-02 10:00:00 应当录音录像。没有找到对应的音像记录。",
        ),
        (
            K.UNRECORDED, judged(events=(event(ended=None),)), f"{GD}第十四条、第十九条",
            "自 2026-03-02 09:00:00 起至离开现场应当录音录像（离开时间未报告）。"
            "没有找到对应的音像记录。",
        ),
        # 第十四条: 对现场执法、调查取证、举行听证、留置送达和公告送达等……进行音像记录.
        (
            K.UNRECORDED, judged(events=(event(EventKind.HEARING),)), f"{GD}第十四条",
            "2026-03-02 09:00:00 至 2026-03-02 10:00:00 应当录音录像。没有找到对应的音像记录。",
        ),
        # 第十九条: 自到达执法现场开展执法活动时开始，至离开执法现场时结束.
        (
            K.BEGINS_LATE, judged(clip(2, 60)), f"{GD}第十九条",
            "应自 2026-03-02 09:00:00 到达现场开始录制。实际晚 2 分钟开始录制。",
        ),
        (
            K.ENDS_EARLY, judged(clip(0, 30), events=(event(EventKind.HEARING),)),
            f"{GD}第十九条",
            "应录制至 2026-03-02 10:00:00 离开现场。实际提前 30 分钟停止录制。",
        ),
        # 第二十条: 因设备故障、损坏，天气情况恶劣或者电量、存储空间不足等客观原因而中断记录的…….
        (
            K.GAP_UNEXPLAINED, judged(clip(0, 30), clip(30.25, 60, n=2)), f"{GD}第二十条",
            "录制中断应当说明原因并报告。自 2026-03-02 09:30:00 起中断录制 15 秒，且未说明原因。",
        ),
        # 第十八条: 对执法时间、地点、执法人员、执法行为和音像记录重点摄录内容等进行语音说明，并告知
        (
            K.ANNOUNCEMENT_MISSING, judged(clip(0, 60, marks=("voice_statement",))),
            f"{GD}第十八条", "应当告知在场人员正在录音录像。音像记录中没有相应标记。",
        ),
        (
            K.VOICE_STATEMENT_MISSING, judged(clip(0, 60, marks=("announcement",))),
            f"{GD}第十八条",
            "应当语音说明时间、地点、执法人员和执法事项。音像记录中没有语音说明标记。",
        ),
        # 第二十三条: 在一个工作日内……存储.
        (
            K.UPLOAD_LATE, judged(clip(0, 60, received=48 * 60)), f"{GD}第二十三条",
            "音像记录应于 2026-03-03 24:00 前上传。"
            "实际于 2026-03-04 09:00:00 上传，超期 9 小时。",
        ),
        # 行政处罚法第四十二条: 执法人员不得少于两人.
        (
            K.TOO_FEW_OFFICERS, judged(clip(0, 60), events=(event(officers=OFFICERS[:1]),)),
            f"{PENALTY}第四十二条", "执法人员不得少于 2 人。登记了 1 人。",
        ),
        (
            K.CERTIFICATE_INVALID, judged(clip(0, 60), officers={"A1": ()}),
            f"{PENALTY}第四十二条、第五十五条",
            "执法人员 A1 当日应持有有效证件。执法人员 A1 没有登记执法证件。",
        ),
        (
            K.RECORDING_UNSCANNED,
            judged(clip(0, 60), events=(event(EventKind.ONSITE_INSPECTION),), profile_="cn-gd-sz"),
            "深圳市行政执法监督码扫码入企要求",
            "检查前应当扫描企业监督码。有音像记录，没有扫码登记。",
        ),
    ],
)  # fmt: skip
def test_a_finding_names_its_article_and_says_what_was_expected_and_found(
    kind: FindingKind, asked: CaseFacts, rule: str, said: str
) -> None:
    found = of_kind(kind, asked)
    chinese, english = i18n.catalogue("zh_CN"), i18n.catalogue("en")
    assert found.rule == rule
    assert finding_words.expected(chinese, found) + finding_words.found(chinese, found) == said
    for told in (finding_words.expected(english, found), finding_words.found(english, found)):
        assert told.endswith(".")
        assert "%(" not in told
