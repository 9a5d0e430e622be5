class InputError(ValueError):
    """A user's file, option or config value is wrong.

    The message is one sentence that names the file or value and the remedy; the command line
    tools print it without a traceback.
    """
