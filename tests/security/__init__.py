"""What an attacker would try: each test fails without the safeguard that it is about."""
