"""What stands between the sockets and the application: bounds on strangers, TLS, a quiet stop."""
