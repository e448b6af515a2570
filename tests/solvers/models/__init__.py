"""The models of the suite, a module for each adapter; imported where its library may be loaded, never in a test."""
