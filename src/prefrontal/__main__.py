"""``python -m prefrontal`` is the ``prefrontal`` command."""

from prefrontal.cli import main

if __name__ == "__main__":
    main()
