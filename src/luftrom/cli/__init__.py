"""The command line, one command a file: arguments in, text or JSON and an exit code out.

Commands are imported when they are called, so that `luftrom --help` reads only `main` and this.
"""

_SET_UP, _FLY, _PROVE, _RUN = "Set up", "Declare and look", "Prove", "Run and mend"
# Name to: module below this package, attribute of the command, heading in the list, its line.
COMMANDS: dict[str, tuple[str, str, str, str]] = {
    "init": ("init", "init", _SET_UP, "Make a party's directory: keys, key card, settings."),
    "card": ("card", "card", _SET_UP, "Show or check key cards and their fingerprints."),
    "agreement": ("agreement", "agreement", _SET_UP,
                       "Draft, sign, show and install the agreement between parties."),
    "doctor": ("doctor", "doctor", _SET_UP,
                    "Check each precondition and say how to mend what fails."),
    "declare": ("declare", "declare", _FLY, "Declare activities from a file."),
    "withdraw": ("declare", "withdraw", _FLY, "Withdraw an activity or a prior notice."),
    "activities": ("activities", "activities", _FLY, "List what is declared."),
    "conflicts": ("conflicts", "conflicts", _FLY, "List conflicts and who has right of way."),
    "status": ("status", "status", _FLY, "Show the node, its log and its links to peers."),
    "audit": ("audit", "audit", _PROVE, "Verify logs, from a directory or over HTTP."),
    "rebuild": ("rebuild", "rebuild", _PROVE, "Compute the airspace anew from the logs."),
    "serve": ("serve", "serve", _RUN, "Run the node of a directory."),
    "backup": ("backup", "backup", _RUN, "Copy a party's directory, beside a running node."),
    "restore": ("restore", "restore", _RUN, "Fetch the own log back from the peers' mirrors."),
    "channel": ("channel", "channel", _RUN, "Show channels; go on after a loss or fork."),
    "demo": ("demo.demo", "demo", _RUN,
                  "Two parties, two nodes, a day of flights: the whole path."),
    "token": ("token", "token", _RUN, "Make a bearer token for a client of the node."),
    "completion": ("completion", "completion", _RUN,
                        "Print the completion script of a shell."),
}
