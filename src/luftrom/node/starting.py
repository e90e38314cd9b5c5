"""A node's start from its directory: examined first, then behind a gate that says if it signs."""

from __future__ import annotations

from luftrom.agreement.party import Party
from luftrom.agreement.terms import Agreement
from luftrom.clock import Clock
from luftrom.config.instance import Instance
from luftrom.config.keys import NodeKeys
from luftrom.config.settings import Settings
from luftrom.errors import LuftromError, Unavailable
from luftrom.node.courier import Transport
from luftrom.node.gate import Gate
from luftrom.node.new_log import take_up_new_logs
from luftrom.node.node import Node
from luftrom.node.wholeness import Examined, Fault, examine
from luftrom.store.protocol import Store


def look_at(store: Store, own: Party, agreement: Agreement | None) -> Examined:
    """`examine`, where a database that cannot be read is a fault as well."""
    try:
        return examine(store, own, agreement)
    except Unavailable as error:
        return Examined((Fault("of any name", "of any", error.message),))


def make_gate(settings: Settings, store: Store, own: Party, agreement: Agreement | None
              ) -> tuple[Gate, Instance]:
    """The gate of a directory whose lock the caller holds; one in no doubt is settled at once."""
    instance = Instance(settings)
    examined = look_at(store, own, agreement)
    try:
        doubts = instance.doubts(store)
    except Unavailable as error:
        doubts = (error.message,)          # the same database, and named among the faults
    if not doubts and not examined.faults:
        instance.settle(store)
    peers = [party for party in agreement.parties if party.name != own.name] if agreement else []
    gate = Gate(own, peers, doubts=doubts, faults=examined.faults, lost=examined.lost,
                reason=instance.reason(), agreement=agreement.digest if agreement else "",
                settled=lambda: instance.settle(store))
    return gate, instance


def make_node(settings: Settings, keys: NodeKeys, own: Party, agreement: Agreement | None,
              store: Store, clock: Clock, transport: Transport) -> tuple[Node, Instance]:
    """The node of a directory, and the marks to be closed behind it.

    What can be read of a damaged store is shown and nothing is signed; where not even that can be
    had, LuftromError names what is gone and the mend.
    """
    gate, instance = make_gate(settings, store, own, agreement)
    try:
        if not gate.faults:
            take_up_new_logs(store, settings.party, agreement, keys, clock)
        node = Node(settings.party, keys, agreement, store, clock, transport, gate, instance.note)
        for log in (node.log, *node.mirrors.values()):
            if log.tree.size < log.size:
                raise Unavailable(f"the leaves under the checkpoint of {log.origin} are not there")
    except Exception as error:
        instance.close()
        if not gate.faults:
            raise
        raise LuftromError(
            f"{settings.store_path} is damaged: {'; '.join(map(str, gate.faults))}. "
            f"Mend: {gate.faults[0].mend}", code="damaged") from error
    return node, instance
