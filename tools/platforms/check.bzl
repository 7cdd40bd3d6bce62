"""The check of every rule of an image: its inputs have its architecture."""

def check_architecture(ctx, taken, own = None):
    """Fail if an input of a target has another architecture than the target.

    Args:
        ctx: context of a rule.
        taken: list of pairs of a target and the architecture that its provider names; None fits every architecture.
        own: architecture of the target, if it is not the attribute `architecture`.
    """
    own = own or ctx.attr.architecture
    for target, architecture in taken:
        if architecture not in [None, own]:
            fail("{}: is of architecture {} and takes {} of {}: give it one of {}".format(
                ctx.label,
                own,
                target.label,
                architecture,
                own,
            ))
