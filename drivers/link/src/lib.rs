//! The only code that opens serial ports, USB devices and device sockets.
