"""From a collection of sounds, photos or videos to balanced TFRecord shards, on Apache Beam.

The stages of paper sections 3 and 4, in their order: probe → label → pair → refine → balance →
split → extract → write (a folder by class is split before its sounds and photos are paired). Each
is a module that can be read alone: a pure library part, a Beam transform and a command
(`python -m tfrecords_tools STAGE`). `s2i prepare` runs them all.

How the bytes travel: a stage reads *part* files and writes *part* files (`parts`), each with a
manifest; Beam carries only the names of parts and, in the stages that choose (pair to split), rows
of text. Waveforms, pictures and features never pass through a shuffle, so memory stays flat on any
runner, and a run that was killed goes on at the first part that is missing.
"""
