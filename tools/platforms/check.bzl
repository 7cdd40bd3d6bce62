"""The check that every rule of an image makes: what it takes is of its own architecture."""

def check_architecture(ctx, taken, own = None):
    """Fails where a target takes something of another architecture than its own.

    Args:
        ctx: context of a rule.
        taken: list of pairs of a target and the architecture that its provider names; None fits every one.
        own: architecture of the target, where it is not its attribute `architecture`.
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
