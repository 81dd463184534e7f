"""Optional methods: nothing else imports them (README.md)."""
