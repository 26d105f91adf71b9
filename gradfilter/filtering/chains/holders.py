"""Who else holds an object: what nobody else can ask for may be used up."""

import sys
from typing import Any, List


def holders(boxed: List[Any]) -> int:
    """How many references to the one object in a list there are, besides the list's own.

    The list is the caller's only way to the object: a variable of its own would count.
    """
    return sys.getrefcount(boxed[0]) - _COUNTED_OF_NONE


# What the very same expression counts where the list alone holds the object: it differs between Pythons.
_COUNTED_OF_NONE = 0
_COUNTED_OF_NONE = holders([object()])
