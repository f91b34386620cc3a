"""From a collection of sounds, photos or videos to balanced TFRecord shards, on Apache Beam.

The stages of paper sections 3 and 4, in their order: probe → label → pair → refine → balance →
split → extract → write (a folder by class is split before its sounds and photos are paired). Each
is a module of `stages` that can be read alone, and a command (`python -m tfrecords_tools STAGE`).
`planning` says whether settings can be met, `job` and `s2i prepare` run all stages, and `engine` is
what they stand on.

How the bytes travel: a stage reads *part* files and writes *part* files (`engine.parts`), each with
a manifest. Stages that open media, run nets or write shards are spread over workers by Beam, which
carries only the names of parts; those that choose among rows of text run where the command runs.
Waveforms, pictures and features never pass through a shuffle, so memory stays flat on any runner,
and a run that was killed goes on at the first part that is missing.
"""
