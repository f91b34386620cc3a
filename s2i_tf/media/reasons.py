"""Why a sound, photo or video cannot be used: the stable slugs of `MediaError.reason`.

They are written into reports and quarantine lists, so they never change their meaning. Each stands
here once, with the policy that it names; `MEANINGS` lists them for people.
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
NOT_FINITE = "not_finite"
TOO_SHORT = "too_short"
TOO_LONG = "too_long"
TOO_LARGE = "too_large"
SILENT = "silent"

MEANINGS = {
    MISSING: "there is no such file",
    UNREADABLE: "a folder, a device, or a file without permission to read",
    EMPTY: "no bytes, or no samples",
    NOT_MEDIA: "not a file of any kind that is decoded",
    TRUNCATED: "a known kind of file, so damaged or incomplete that nothing of it decodes",
    UNSUPPORTED: "a kind of file that the chosen decoding backend leaves to the other",
    NO_SOUND: "no sound track, or none with a known codec",
    NO_PICTURE: "no picture track, or none with a known codec",
    NO_KEY_FRAME: "a video whose pictures cannot be decoded from anywhere near the moment",
    BAD_RATE: "a sampling rate outside of the allowed range",
    NOT_FINITE: "samples that are not numbers, or infinite",
    TOO_SHORT: "less sound than the minimum",
    TOO_LONG: "more sound than the maximum, and no part of it was asked for",
    TOO_LARGE: "a picture of more pixels than the maximum",
    SILENT: "no sample above the threshold of silence",
}
