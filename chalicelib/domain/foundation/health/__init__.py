"""Whether what stands behind the product answers."""
