"""What is found out about a run before it starts: facts to read, and warnings."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Findings:
    """Lines to tell, in order.

    Attributes:
        facts: What the run is.
        warnings: What is not as it should be, or not as published.
    """

    facts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __add__(self, other: "Findings") -> "Findings":
        """Put others behind these."""
        return Findings(self.facts + other.facts, self.warnings + other.warnings)
