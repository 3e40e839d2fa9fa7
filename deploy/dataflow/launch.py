"""What the launcher of the flex template runs; the program is runners.flex_template."""

from runners.flex_template import main

if __name__ == "__main__":
    raise SystemExit(main())
