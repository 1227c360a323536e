"""Back-tests: other rules over what was really said, against what was decided and done then."""

from agents.chat.backtest.changes import Changes
from agents.chat.backtest.log import Window, WindowReplay
from agents.chat.backtest.replay import Replay
from agents.chat.backtest.report import Report

__all__ = ["Changes", "Replay", "Report", "Window", "WindowReplay"]
