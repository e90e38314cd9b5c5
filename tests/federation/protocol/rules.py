"""The rules that the model can do without, one by one, to show what then fails."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """True: the rule holds. The numbers are those of the protocol."""

    one_content: bool = True            # 2: a leaf commits to one content
    opened_after_all: bool = True       # 4: content follows the receipts of the whole audience
    passed_over_first: bool = True      # 4, 17: silence is signed before content goes past it
    passed_over_waits: bool = True      # 17: who was passed over waits for that ruling
    held: bool = True                   # 5: a receipt counts once all below its own size is here
    smallest_cut: bool = True           # 5: of several heads the one with the smallest own size
    open_before_ruling: bool = True     # 6: nobody rules over leaves that are not open
    lost: bool = True                   # 6, 20: what is named as lost stops no log
    lost_wins_nothing: bool = True      # 6: not even where its content is known
    lost_after_restored: bool = True    # 6: only a restored statement makes room for `lost`
    garbage_is_void: bool = True        # 6: what opens to garbage stops no log
    in_order: bool = True               # 7: nothing is mirrored before what it had seen
    handed_over: bool = True            # 7: who rests on a content hands it on
    void_seen: bool = True              # 8: a `seen` that goes back or has gaps voids
    void_behind_head: bool = True       # 8: so does one behind a head of its author
    heads_end: bool = True              # 19: not behind one that the holder's word left out
    dead_win_nothing: bool = True       # 10: who loses to what it saw wins no crossing
    doubtful_win_nothing: bool = True   # 10: nor who was ruled past what it saw and is closed here
    withdrawn_wins_nothing: bool = True  # withdrawn below the cut
    carried: bool = True                # 15: a ruling carries its heads
    yields_to_what_stands: bool = True  # 17: not to a ruling that is wrong
    yields_to_what_is_open: bool = True  # 17: nor to one whose reasons are not here
    silent_is_judged: bool = True       # 17: what is open here counts also where it was silent
    silent_yields: bool = True          # 17: to what was ruled while a ruling named it
    judged_in_the_open: bool = True     # 17: not to what had seen and counted it, open
    acknowledged: bool = True           # 17: who acknowledges nothing is named, as silent
    acknowledged_in_the_open: bool = True  # 17: such a head counts once all below it is open
    no_false_silence: bool = True       # 17: nobody names a party that it has acknowledged
    blame_by_leaf: bool = True          # 17: silent is whose own leaf is not open
    words: bool = True                  # 19: the first leaf after a restore embeds the words
    head_in_word: bool = True           # 19: and the newest head that the giver holds
    words_bind: bool = True             # 19: who gave a word takes no more of the old history
    fork_voids: bool = True             # 21: what lies beyond the common prefix
    fork_proof: bool = True             # 21: the proof is a statement
    frozen: bool = True                 # 14: a forked log counts as far as anybody had seen it
    closed_yields: bool = True          # 24: who does not show it to all is never accepted
