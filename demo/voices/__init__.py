"""The instruments, one family a file; each voice follows `demo.sound.Voice`."""
