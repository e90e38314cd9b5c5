"""One log under audit: its checkpoint, its tree, and every statement in it.

Two passes, because statements speak of other logs: first the trees of all logs are built, then
what each statement has seen is compared with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from luftrom.agreement.party import NewLog
from luftrom.agreement.terms import Agreement
from luftrom.audit.report import LogReport, Step, Tally
from luftrom.errors import BadInput, LuftromError, Unverified
from luftrom.logs.fork import Fork
from luftrom.logs.signed import verify_log_checkpoint
from luftrom.statements.course import Course
from luftrom.statements.kinds import KINDS
from luftrom.statements.kinds.forked import check_fork, fork_told, is_forked
from luftrom.statements.kinds.lost import Lost
from luftrom.statements.kinds.ruling import Rulings
from luftrom.statements.leaf import parse_statement, verify_statement
from luftrom.statements.opening import Item, match_disclosures, open_or_void
from luftrom.statements.statement import Statement
from luftrom.transparency.checkpoint import Checkpoint
from luftrom.transparency.merkle import TILE_WIDTH, Tree, leaf_hash
from luftrom.transparency.note import NoteVerifier

_WINDOW = 4 * TILE_WIDTH


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose log it is: its origin, the keys that sign it, and the one that signs statements.

    `statements` is None where that key is not known; then signatures of statements are not checked.
    `new_log` is where the log starts, if it is not the first one of its party.
    """

    party: str
    origin: str
    log_keys: tuple[NoteVerifier, ...]
    statements: bytes | None
    new_log: NewLog | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What statements are held against: the agreement, the digests of earlier ones, and of parties
    that forked how much their histories have in common.
    """

    agreement: Agreement | None = None
    earlier: frozenset[str] = frozenset()
    ends: Mapping[str, int] = field(default_factory=dict)


class Rows(Protocol):
    """Where the leaves of a log and what belongs to them come from."""

    def size(self, party: str) -> int: ...
    def leaves(self, party: str, start: int, end: int) -> Sequence[bytes]: ...
    def disclosures(self, party: str, start: int, end: int) -> Mapping[int, Sequence[bytes]]: ...
    def checkpoint(self, party: str) -> tuple[int, bytes] | None: ...


class LogAudit:
    """Audits one log, step by step; `report` closes it."""

    def __init__(self, rows: Rows, subject: Subject, kind: str):
        self.rows, self.subject, self.kind = rows, subject, kind
        self.tree = Tree()
        self.body: Checkpoint | None = None
        self.receipts = 0
        self.rulings: list[tuple[int, int, tuple[str, ...]]] = []   # leaf, ruled leaf, silent
        self.last_seen: dict[str, int] = {}
        self.told: dict[str, int] = {}     # who forked, and the first leaf that tells it
        self._gone_back: list[int] = []    # leaves of a mirror that are void by what they had seen
        self.opened = 0
        self._closed: dict[int, str] = {}  # own leaves that lack disclosures, and are not lost
        self._tallies = {name: Tally(name) for name in (
            "checkpoint", "leaves", "tree", "statements", "order", "seen", "disclosures")}
        self._more: list[Step] = []

    @property
    def party(self) -> str:
        """Whose log it is."""
        return self.subject.party

    @property
    def size(self) -> int:
        """How many leaves the checkpoint covers; 0 without one."""
        return self.body.size if self.body else 0

    # -- first pass: checkpoint and tree -----------------------------------------------------

    def read_checkpoint(self) -> None:
        """Step 1: the newest checkpoint is signed; ML-DSA-44 may not have followed yet."""
        self.body = self._read_checkpoint(self.party)

    def _read_checkpoint(self, row: str) -> Checkpoint | None:
        tally = self._tallies["checkpoint"]
        try:
            held = self.rows.checkpoint(row)
            if held is None:
                return None
            size, note = held
            if not isinstance(note, bytes):
                raise BadInput("the row of the checkpoint is not what it should be")
            body = verify_log_checkpoint(note, self.subject.log_keys, self.subject.origin,
                                         self.subject.new_log)
        except LuftromError as error:
            tally.fail(str(error))
            return None
        if size != body.size:
            tally.fail(f"it is kept as one of {size} leaves and covers {body.size}")
        return body

    def build_tree(self) -> None:
        """Steps 2 and 3: every leaf is there, and they hash to the checkpoint's root."""
        leaves = self._tallies["leaves"]
        try:
            held = self.rows.size(self.party)
        except LuftromError as error:
            leaves.fail(str(error))
            return
        if not isinstance(held, int):
            leaves.fail("the rows of the leaves are not what they should be")
            return
        for _, window in self._windows(held):
            self.tree.extend([leaf_hash(leaf) for leaf in window])
        self._check_count(held)
        if self.body is None:
            # A mirror may hold pending entries alone; `check_pending` looks at those.
            if not self._tallies["checkpoint"].has_failed and held and self.kind != "mirror":
                self._tallies["checkpoint"].fail(f"there is none over the {held} leaves held here")
            self._tallies["tree"].skip("there is no checkpoint to compare it with")
        elif self.tree.size < self.size:
            self._tallies["tree"].skip("leaves are missing")
        elif self.tree.root(self.size) != self.body.root:
            self._tallies["tree"].fail(f"the {self.size} leaves do not hash to the root of the "
                                       "checkpoint")

    def _check_count(self, held: int) -> None:
        leaves, at = self._tallies["leaves"], self.tree.size
        if at < held:
            leaves.fail(f"{at} of {held} can be read; the first statement out of its place says "
                        "which is missing")
        elif held < self.size:
            leaves.fail(f"the checkpoint covers {self.size} leaves; {held} are held", held)
        elif held > self.size and self.body is not None and self.kind == "log":
            # Leaves and the checkpoint over them are written in one transaction.
            leaves.fail(f"{held} leaves are held; the checkpoint covers {self.size}", self.size)

    def check_pending(self, row: str) -> None:
        """A mirror's pending checkpoint (C2SP tlog-mirror) is signed and of the same history."""
        body = self._read_checkpoint(row)
        if body is None:
            if self.tree.size > self.size:
                self._tallies["leaves"].fail(f"{self.tree.size} are held; no checkpoint covers "
                                             f"those from {self.size} on", self.size)
            return
        if self.tree.size > body.size:
            self._tallies["leaves"].fail(f"{self.tree.size} are held; the pending checkpoint "
                                         f"covers {body.size}", body.size)
        if body.size <= self.tree.size and self.tree.root(body.size) != body.root:
            self._tallies["tree"].fail(f"the pending checkpoint of {body.size} leaves is of "
                                       "another history")
        elif body.size < self.size:
            self._tallies["checkpoint"].fail("the pending checkpoint is older than the mirror's")

    def check_tiles(self, fetch: Callable[[int, int, int], bytes]) -> None:
        """The tiles that are served are those of the leaves that are served."""
        tally, level = Tally("tiles"), 0
        while (width := self.size >> (8 * level)) and not tally.has_failed:
            for index in range(-(-width // TILE_WIDTH)):
                part = min(TILE_WIDTH, width - index * TILE_WIDTH)
                if (index + 1) * TILE_WIDTH << (8 * level) > self.tree.size and part == TILE_WIDTH:
                    break                  # leaves were missing, and said to be
                try:
                    if fetch(level, index, part) != self.tree.tile(level, index, part):
                        raise Unverified("the hashes are not those of the leaves")
                except LuftromError as error:
                    tally.fail(f"tile {index} of level {level}: {error}")
            level += 1
        self.add(tally.close("every tile is that of the leaves"))

    def _windows(self, end: int) -> Iterator[tuple[int, list[bytes]]]:
        """Leaves as far as they can be read, without a gap; a window that is short ends it."""
        for start in range(0, end, _WINDOW):
            stop = min(start + _WINDOW, end)
            try:
                window = list(self.rows.leaves(self.party, start, stop))
            except LuftromError as error:
                self._tallies["leaves"].fail(str(error), start)
                return
            good = next((n for n, leaf in enumerate(window) if not isinstance(leaf, bytes)),
                        len(window))
            if good < len(window):
                self._tallies["leaves"].fail(f"leaf {start + good} is not what its row should hold",
                                             start + good)
            yield start, window[:good]
            if good < stop - start:
                return

    def forks(self, agreement: Agreement) -> dict[str, int]:
        """Which parties the statements here prove to have forked, and behind which leaf."""
        ends: dict[str, int] = {}
        for _, window in self._windows(self.tree.size):
            for leaf in window:
                try:
                    fork = fork_told(parse_statement(leaf), agreement) if is_forked(leaf) else None
                    if fork is not None:
                        check_fork(fork, agreement)
                        ends[fork.party] = min(fork.end, ends.get(fork.party, fork.end))
                except LuftromError:
                    continue               # `check_statements` says so
        return ends

    # -- second pass: statements -------------------------------------------------------------

    def check_statements(self, terms: Terms, trees: Mapping[str, LogAudit],
                         receipts: Sequence[tuple[int, int]] = (), reader: str = "") -> None:
        """Steps 4 to 7: each statement by itself, after those before it, and beside other logs.

        `trees` are the logs that can be compared with, `receipts` those that this party gave for
        the log of `reader`: pairs of (its own size then, the size covered), both rising.
        """
        course, seen = Course(), _Seen(self, terms, trees, receipts, reader)
        whole = True
        for start, window in self._windows(self.tree.size):
            opened = self._opened(start, len(window))
            for index, leaf in enumerate(window, start):
                statement = self._statement(leaf, index, terms.agreement)
                if statement is None:
                    whole = False          # what follows may rest on what cannot be read
                    continue
                item = self._open(statement, opened.pop(index, ()))
                if whole:
                    self._try("seen", index, seen.check, statement)
                    self._follow(course, item, index in seen.gone_back[-1:])
                self._note(statement)
        for index, said in self._closed.items():
            self._tallies["disclosures"].fail(f"leaf {index}: {said}", index)
        if not whole:
            for name in ("order", "seen"):
                self._tallies[name].skip("not judged behind a statement that does not verify")
        if self.subject.statements is None:
            self._tallies["statements"].skip("well-formed and in their places; whose signatures "
                                             "they should bear was not said")
        self.last_seen, self._gone_back = seen.last, seen.gone_back

    def _follow(self, course: Course, item: Item[Any, Any], is_void: bool) -> None:
        """A statement in its log; one that is void has a place there, and says nothing."""
        kind, statement = KINDS[item.statement.type], item.statement
        if not is_void or kind.must_open:
            self._try("order", statement.index, kind.follow, course, statement,
                      None if is_void else item.content)

    def _note(self, statement: Statement[Any]) -> None:
        """What is asked of other leaves once all are read."""
        body = statement.body
        if isinstance(body, Rulings):
            self.rulings += [(statement.index, ruling.index, ruling.unacknowledged)
                             for ruling in body.rulings]
        elif isinstance(body, Lost):
            for lost in body.leaves:
                self._closed.pop(lost, None)
        elif isinstance(body, Fork):
            self.told.setdefault(body.party, statement.index)

    def _opened(self, start: int, count: int) -> dict[int, Sequence[bytes]]:
        tally = self._tallies["disclosures"]
        try:
            opened = dict(self.rows.disclosures(self.party, start, start + count))
        except LuftromError as error:
            tally.fail(str(error), start)
            return {}
        for index, items in opened.items():
            if not all(isinstance(item, bytes) for item in items):
                tally.fail("a row is not what it should be", index)
                opened[index] = ()
        self.opened += sum(map(len, opened.values()))
        return opened

    def _open(self, statement: Statement[Any], disclosures: Sequence[bytes]) -> Item[Any, Any]:
        """A statement with what opens it, as far as that is here and matches."""
        tally, index = self._tallies["disclosures"], statement.index
        try:
            if disclosures:
                match_disclosures(statement, disclosures)
        except LuftromError as error:
            tally.fail(f"leaf {index}: {error}", index)
            return Item(statement)
        # A mirror holds what its party was shown; the log's own party has everything
        # but what a `lost` statement names.
        if self.kind == "log" and len(disclosures) < len(statement.digests):
            self._closed[index] = (
                f"{len(disclosures)} of its {len(statement.digests)} disclosures are here")
        return open_or_void(statement, disclosures)

    def _statement(self, leaf: bytes, index: int, agreement: Agreement | None
                   ) -> Statement[Any] | None:
        key = self.subject.statements
        try:
            statement = (parse_statement(leaf) if key is None
                         else verify_statement(leaf, key, self.party))
            if statement.party != self.party:
                raise Unverified(f"is a statement of {statement.party}")
            if statement.index != index:
                raise Unverified(f"says that it is leaf {statement.index}")
            if agreement is not None and (fork := fork_told(statement, agreement)) is not None:
                check_fork(fork, agreement)
        except LuftromError as error:
            self._tallies["statements"].fail(f"leaf {index}: {error}", index)
            return None
        return statement

    def _try(self, name: str, index: int, check: Callable[..., object], *values: object) -> None:
        try:
            check(*values)
        except LuftromError as error:
            self._tallies[name].fail(f"leaf {index}: {error}", index)

    def check_account(self, count: Callable[[], tuple[int, int]]) -> None:
        """No disclosures are gone, of whatever log: a mirror need not have them all."""
        try:
            held, counted = count()
        except LuftromError as error:
            self._tallies["disclosures"].fail(str(error))
            return
        if held < counted:
            self._tallies["disclosures"].fail(f"{counted - held} of the {counted} that were "
                                              "written, of all logs, are gone")

    def skip_the_rest(self, said: str) -> None:
        """Nothing behind the checkpoint is looked at: who knows how much there is of it?"""
        for tally in list(self._tallies.values())[1:]:
            tally.skip(said)

    # -- the end -----------------------------------------------------------------------------

    def add(self, step: Step) -> None:
        """A step that was made elsewhere."""
        self._more.append(step)

    def report(self) -> LogReport:
        """All steps, closed."""
        keys = len(self.subject.log_keys)
        holds = {
            "checkpoint": f"covers {self.size} leaves, signed by {keys} keys" if self.body
            else "there is none yet",
            "leaves": f"all {self.tree.size} are here",
            "tree": "hashes to the root of the checkpoint",
            "statements": "each is signed and stands in its place",
            "order": "versions, rulings and withdrawals follow each other",
            "seen": f"{self._back()}; all roots are those of the logs held here",
            "disclosures": f"all {self.opened} held here match their digests"}
        root = self.body.root if self.body else self.tree.root()
        return LogReport(self.party, self.kind, self.size, root, self.receipts,
                         (*(tally.close(holds[name]) for name, tally in self._tallies.items()),
                          *self._more))

    def _back(self) -> str:
        if not self._gone_back:
            return "never goes back"
        return (f"goes back in {len(self._gone_back)} statements, leaf {self._gone_back[0]} the "
                "first, which are void")


class _Seen:
    """What statements say that their author had seen, leaf after leaf.

    One that goes back is void, and stops nothing: in a mirror it stands as what a peer signed, and
    is told. An own log has none.
    """

    def __init__(self, log: LogAudit, terms: Terms, trees: Mapping[str, LogAudit],
                 receipts: Sequence[tuple[int, int]], reader: str):
        self.log, self.terms, self.trees = log, terms, trees
        self.receipts, self.reader = list(receipts), reader
        self.last: dict[str, int] = {}     # the most that any so far had seen
        self.gone_back: list[int] = []
        self.owed = 0                      # what a receipt given before this leaf covers
        self.roots: dict[tuple[str, int], bytes] = {}
        self.agreed = False

    def check(self, statement: Statement[Any]) -> None:
        """Unverified if a statement had seen less than before, or another history."""
        index, terms = statement.index, self.terms
        while self.receipts and self.receipts[0][0] <= index:
            self.owed = max(self.owed, self.receipts.pop(0)[1])
        if terms.agreement is None:
            return
        if statement.agreement in terms.earlier or not statement.agreement:
            if self.agreed and not (self.log.kind == "mirror" and not statement.agreement):
                raise Unverified("falls back behind the agreement in force")
            if self.agreed:
                self.gone_back.append(index)
            return
        if statement.agreement != terms.agreement.digest:
            raise Unverified("names another agreement")
        self.agreed = True
        peers = {party.name for party in terms.agreement.parties} - {statement.party}
        if statement.seen.keys() != peers:
            raise Unverified(f"says what it has seen of {', '.join(sorted(statement.seen))}; its "
                             f"peers are {', '.join(sorted(peers))}")
        before, sizes = self.last, {name: seen.size for name, seen in statement.seen.items()}
        self.last = {name: max(size, before.get(name, 0)) for name, size in sizes.items()}
        if self.last != sizes:
            if self.log.kind != "mirror":
                name = next(name for name, size in sizes.items() if size < self.last[name])
                raise Unverified(f"has seen {sizes[name]} leaves of {name}; an earlier one had "
                                 f"seen {before[name]}")
            self.gone_back.append(index)
        for name in sizes:
            self._check_root(name, statement)
        if self.reader and sizes[self.reader] < self.owed:
            raise Unverified(f"has seen {sizes[self.reader]} leaves of {self.reader}, behind "
                             f"the receipt for {self.owed} that its author had given")

    def _check_root(self, name: str, statement: Statement[Any]) -> None:
        seen, other = statement.seen[name], self.trees.get(name)
        if other is None or seen.size > self.terms.ends.get(name, seen.size):
            return                         # of a forked log any history may have been seen
        if seen.size > other.tree.size:
            # What the own log has seen is held here; a third party's log may be longer elsewhere.
            if self.log.kind == "log" or other.kind == "log":
                raise Unverified(f"has seen {seen.size} leaves of {name}; {other.tree.size} are "
                                 "held here")
            return
        key = (name, seen.size)
        if key not in self.roots:
            self.roots[key] = other.tree.root(seen.size)
        if self.roots[key] != seen.root:
            raise Unverified(f"has seen another history of {name} than the one held here")


def audit_log(rows: Rows, subject: Subject, terms: Terms,
              tiles: Callable[[int, int, int], bytes] | None = None) -> LogReport:
    """Audit one log by itself; `tiles` fetches a tile by level, index and width."""
    log = LogAudit(rows, subject, "remote")
    log.read_checkpoint()
    if log.body is None:
        log.skip_the_rest("the checkpoint does not verify")
        return log.report()
    log.build_tree()
    if tiles is not None:
        log.check_tiles(tiles)
    log.check_statements(terms, {})
    return log.report()
