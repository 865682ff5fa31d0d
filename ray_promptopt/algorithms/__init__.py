"""The search algorithms: pure state machines driven by asks and tells, without I/O."""
