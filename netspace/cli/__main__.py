"""python -m netspace.cli"""

from netspace.cli import main

if __name__ == "__main__":
    main()
