"""Why a sound, photo or video cannot be used: the stable slugs of `MediaError.reason`.

They are written into reports and quarantine lists, so they never change their meaning. Each stands
here once, with the policy that it names; `docs/prepare.md` explains them.
"""

MISSING = "missing"
UNREADABLE = "unreadable"
EMPTY = "empty"
NOT_MEDIA = "not_media"
TRUNCATED = "truncated"
UNSUPPORTED = "unsupported"
NO_SOUND = "no_sound"
NO_PICTURE = "no_picture"
NO_KEY_FRAME = "no_key_frame"
BAD_RATE = "bad_rate"
BAD_SCALE = "bad_scale"
NOT_FINITE = "not_finite"
TOO_SHORT = "too_short"
TOO_LONG = "too_long"
TOO_LARGE = "too_large"
SILENT = "silent"
