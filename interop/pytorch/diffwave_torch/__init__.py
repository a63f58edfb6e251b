"""The diffwave network and trainer in PyTorch, for GPUs. It reads and writes the same configs and weights as the Node
package."""
