"""The embedded demonstration collection: texts only; `clinometer.io.demo` reads them."""
